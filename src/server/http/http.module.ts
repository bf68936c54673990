import { Module } from '@nestjs/common';
import { MetricsModule } from '../../live/metrics/metrics.module.js';
import { AllowedMethods } from './allowed-methods.js';
import { HttpMetrics } from './http.metrics.js';

/** What holds for every route, whatever module it belongs to. */
@Module({ imports: [MetricsModule], providers: [AllowedMethods, HttpMetrics] })
export class HttpModule {}
