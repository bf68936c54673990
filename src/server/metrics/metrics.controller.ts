import { Controller, Get, Header, Inject, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { Registry } from 'prom-client';
import { NotFoundError } from '../../live/errors/sallyport.errors.js';
import { METRICS_CONFIG, type MetricsConfig } from './metrics.config.js';
import { MetricsPage } from './metrics-page.js';
import { isFromPrivateNetwork } from './private-network.js';

/**
 * Metrics for Prometheus on the server's port. In production only for a private network, and with `METRICS_PORT` for
 * nobody; the others get the response to an unknown path.
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
  async metrics(@Req() { raw }: FastifyRequest): Promise<string> {
    const { onServer } = this.config;
    if (onServer === 'nobody' || (onServer === 'private' && !isFromPrivateNetwork(raw)))
      throw new NotFoundError('There is nothing here.');
    return this.page.text();
  }
}
