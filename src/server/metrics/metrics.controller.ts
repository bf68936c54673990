import { Controller, Get, Header, Inject } from '@nestjs/common';
import { Registry } from 'prom-client';
import { NotFoundError } from '../../live/errors/sallyport.errors.js';
import { METRICS_CONFIG, type MetricsConfig } from './metrics.config.js';
import { MetricsPage } from './metrics-page.js';

/**
 * Metrics for Prometheus on the server's port. In production set `METRICS_PORT`, with which this answers 404; or bind
 * the server to a private address; or do not expose this path.
 */
@Controller()
export class MetricsController {
  constructor(
    private readonly page: MetricsPage,
    @Inject(METRICS_CONFIG) private readonly config: MetricsConfig,
  ) {}

  @Get('/metrics')
  @Header('Content-Type', Registry.PROMETHEUS_CONTENT_TYPE)
  @Header('Cache-Control', 'no-store')
  async metrics(): Promise<string> {
    if (!this.config.onServer) throw new NotFoundError('There is nothing here.');
    return this.page.text();
  }
}
