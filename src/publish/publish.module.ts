import { Module } from '@nestjs/common';
import { DatabaseModule } from '../database/database.module.js';
import { RedisModule } from '../redis/redis.module.js';
import { TopicsModule } from '../topics/topics.module.js';
import { ApiKeyGuard } from './api-key.guard.js';
import { ApiKeyStore } from './api-key.store.js';
import { ApiKeys } from './api-keys.service.js';
import { DevelopmentKey } from './development-key.js';
import { PublishController } from './publish.controller.js';
import { Publisher } from './publisher.service.js';
import { PublishRate } from './publish-rate.js';

/** `POST /publish` and the keys that open it. */
@Module({
  imports: [DatabaseModule, RedisModule, TopicsModule],
  controllers: [PublishController],
  providers: [ApiKeyGuard, ApiKeyStore, ApiKeys, DevelopmentKey, Publisher, PublishRate],
  exports: [ApiKeys, Publisher],
})
export class PublishModule {}
