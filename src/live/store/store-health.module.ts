import { Module } from '@nestjs/common';
import { StoreMetrics } from './store-health.js';

/** The stores' metrics, for the modules that open stores. */
@Module({ providers: [StoreMetrics], exports: [StoreMetrics] })
export class StoreHealthModule {}
