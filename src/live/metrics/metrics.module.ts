import { Module } from '@nestjs/common';
import { Registry, collectDefaultMetrics } from 'prom-client';

/** Provides the process's one Prometheus `Registry`, on which each module registers its own metrics. */
@Module({
  providers: [
    {
      provide: Registry,
      useFactory: () => {
        const registry = new Registry();
        collectDefaultMetrics({ register: registry });
        return registry;
      },
    },
  ],
  exports: [Registry],
})
export class MetricsModule {}
