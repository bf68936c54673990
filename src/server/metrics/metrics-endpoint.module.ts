import { Module } from '@nestjs/common';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { MetricsController } from './metrics.controller.js';

/** `GET /metrics`, and the metrics of the process itself. */
@Module({ controllers: [MetricsController] })
export class MetricsEndpointModule {
  constructor(registry: Registry) {
    collectDefaultMetrics({ register: registry });
  }
}
