import { Module } from '@nestjs/common';
import { AuthModule } from '../../identity/identity.module.js';
import { ApiKeyGuard } from '../../identity/api-keys/api-key.guard.js';
import { ApiKeyModule } from '../../identity/api-keys/api-key.module.js';
import { DevelopmentKey } from '../../identity/api-keys/development-key.js';
import { HeldBodies } from './held-bodies.js';
import { PublishController } from './publish.controller.js';
import { PublishMetrics } from '../../live/publish/publish.metrics.js';
import { PublishRule } from './publish.rule.js';
import { Publisher } from '../../live/publish/publisher.service.js';
import { PublishRate } from '../../live/publish/publish-rate.js';

/** `POST /publish`, and the key that opens it in development. */
@Module({
  imports: [ApiKeyModule, AuthModule],
  controllers: [PublishController],
  providers: [ApiKeyGuard, DevelopmentKey, HeldBodies, Publisher, PublishMetrics, PublishRate, PublishRule],
})
export class PublishModule {}
