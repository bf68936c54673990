import { Module } from '@nestjs/common';
import { HealthController } from './health.controller.js';
import { ClockSkew } from './clock-skew.js';
import { Readiness } from './readiness.js';

/** `GET /healthz` and `GET /readyz`. */
@Module({ controllers: [HealthController], providers: [Readiness, ClockSkew] })
export class HealthModule {}
