import { Module } from '@nestjs/common';
import { ApiTokenModule } from '../../identity/api-tokens/api-token.module.js';
import { ApiKeyModule } from '../../identity/api-keys/api-key.module.js';
import { RateLimitModule } from '../../live/rate-limit/rate-limit.module.js';
import { BackendController, DisconnectRule, TokensRule } from './backend.controller.js';
import { PublishModule } from './publish.module.js';

/** `POST /tokens` and `POST /disconnect`. */
@Module({
  imports: [PublishModule, ApiTokenModule, ApiKeyModule, RateLimitModule],
  controllers: [BackendController],
  providers: [TokensRule, DisconnectRule],
})
export class BackendModule {}
