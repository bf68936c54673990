import { Module } from '@nestjs/common';
import { AuthModule } from '../auth/auth.module.js';
import { ApiKeyGuard } from './api-key.guard.js';
import { ApiKeyModule } from './api-key.module.js';
import { DevelopmentKey } from './development-key.js';
import { HeldBodies } from './held-bodies.js';
import { PublishController } from './publish.controller.js';
import { PublishMetrics } from './publish.metrics.js';
import { PublishRule } from './publish.rule.js';
import { Publisher } from './publisher.service.js';
import { PublishRate } from './publish-rate.js';

/** `POST /publish`, and the key that opens it in development. */
@Module({
  imports: [ApiKeyModule, AuthModule],
  controllers: [PublishController],
  providers: [ApiKeyGuard, DevelopmentKey, HeldBodies, Publisher, PublishMetrics, PublishRate, PublishRule],
})
export class PublishModule {}
