import { Controller, Get, Header } from '@nestjs/common';
import { Registry } from 'prom-client';

/** Metrics for Prometheus. In production bind the server to a private address, or do not expose this path. */
@Controller()
export class MetricsController {
  constructor(private readonly registry: Registry) {}

  @Get('/metrics')
  @Header('Content-Type', Registry.PROMETHEUS_CONTENT_TYPE)
  @Header('Cache-Control', 'no-store')
  metrics(): Promise<string> {
    return this.registry.metrics();
  }
}
