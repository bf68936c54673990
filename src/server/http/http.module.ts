import { Module } from '@nestjs/common';
import { AllowedMethods } from './allowed-methods.js';
import { HttpMetrics } from './http.metrics.js';

/** What holds for every route, whatever module it belongs to. */
@Module({ providers: [AllowedMethods, HttpMetrics] })
export class HttpModule {}
