import { Global, Module } from '@nestjs/common';
import { Registry, collectDefaultMetrics } from 'prom-client';
import { MetricsController } from './metrics.controller.js';
import { StoreMetrics } from '../../live/store/store-health.js';

/** Provides the process's one Prometheus `Registry`, and `GET /metrics`. Each room registers its own metrics on it. */
@Global()
@Module({
  controllers: [MetricsController],
  providers: [
    StoreMetrics,
    {
      provide: Registry,
      useFactory: () => {
        const registry = new Registry();
        collectDefaultMetrics({ register: registry });
        return registry;
      },
    },
  ],
  exports: [Registry, StoreMetrics],
})
export class MetricsModule {}
