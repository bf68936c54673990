import { Module } from '@nestjs/common';
import { StoreMetrics } from './store-health.js';

/** What `/metrics` tells of the stores, for the modules that open them. */
@Module({ providers: [StoreMetrics], exports: [StoreMetrics] })
export class StoreHealthModule {}
