import { Module } from '@nestjs/common';
import { DatabaseModule } from '../../identity/database/database.module.js';
import { StoreModule } from '../../live/store/store.module.js';
import { HealthController } from './health.controller.js';
import { ClockSkew } from './clock-skew.js';
import { Readiness } from './readiness.js';

/** `GET /healthz` and `GET /readyz`. */
@Module({
  imports: [DatabaseModule, StoreModule],
  controllers: [HealthController],
  providers: [Readiness, ClockSkew],
})
export class HealthModule {}
