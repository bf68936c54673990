import { Module } from '@nestjs/common';
import { MetricsModule } from '../metrics/metrics.module.js';
import { StoreMetrics } from './store-health.js';

/** What `/metrics` tells of the stores, for the modules that open them. */
@Module({ imports: [MetricsModule], providers: [StoreMetrics], exports: [StoreMetrics] })
export class StoreHealthModule {}
