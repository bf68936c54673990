import { Module } from '@nestjs/common';
import { AllowedMethods } from './allowed-methods.js';
import { HttpMetrics } from './http.metrics.js';

/** What applies to every route of every module. */
@Module({ providers: [AllowedMethods, HttpMetrics] })
export class HttpModule {}
