import { Module } from '@nestjs/common';
import { RateLimitModule } from '../../live/rate-limit/rate-limit.module.js';
import { ApiKeyModule } from '../../identity/api-keys/api-key.module.js';
import { DevelopmentKey } from '../../identity/api-keys/development-key.js';
import { HeldBodies } from './held-bodies.js';
import { KeyAdmission } from './key-admission.js';
import { PublishController, PublishRule } from './publish.controller.js';
import { PublisherModule } from '../../live/publish/publisher.module.js';
import { PublishRate } from '../../live/publish/publish-rate.js';

/** `POST /publish`, and the development key. */
@Module({
  imports: [ApiKeyModule, RateLimitModule, PublisherModule],
  controllers: [PublishController],
  providers: [DevelopmentKey, HeldBodies, KeyAdmission, PublishRate, PublishRule],
  exports: [KeyAdmission, PublishRate],
})
export class PublishEndpointModule {}
