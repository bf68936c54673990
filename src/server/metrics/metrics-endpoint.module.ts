import { Module } from '@nestjs/common';
import { Gauge, Registry } from 'prom-client';
import { VERSION } from '../version.js';
import { METRICS_CONFIG, type MetricsConfig } from './metrics.config.js';
import { MetricsController } from './metrics.controller.js';
import { MetricsPage, ProcessMetricsPage } from './metrics-page.js';
import { MetricsServer } from './metrics-server.js';
import { collectProcessMetrics } from './process.metrics.js';

/** `GET /metrics`, and the metrics of the process itself. */
@Module({
  controllers: [MetricsController],
  providers: [
    MetricsServer,
    {
      provide: MetricsPage,
      useFactory: ({ page }: MetricsConfig, registry: Registry) => page ?? new ProcessMetricsPage(registry),
      inject: [METRICS_CONFIG, Registry],
    },
  ],
})
export class MetricsEndpointModule {
  constructor(registry: Registry) {
    collectProcessMetrics(registry);
    new Gauge({
      name: 'sallyport_build_info',
      help: 'Always 1; the labels say which version runs on which Node.',
      labelNames: ['version', 'node'],
      aggregator: 'first',
      registers: [registry],
    }).set({ version: VERSION, node: process.version }, 1);
  }
}
