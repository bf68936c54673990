import { Controller, Get, Header } from '@nestjs/common';
import { Registry } from 'prom-client';

/** What Prometheus scrapes. Bind the server to a private address, or keep this path inside, in production. */
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
