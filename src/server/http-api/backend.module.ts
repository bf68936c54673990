import { Module } from '@nestjs/common';
import { ApiTokenModule } from '../../identity/api-tokens/api-token.module.js';
import { ApiKeyModule } from '../../identity/api-keys/api-key.module.js';
import { RateLimitModule } from '../../live/rate-limit/rate-limit.module.js';
import { StoreModule } from '../../live/store/store.module.js';
import { FeedsModule } from '../../live/feeds/feeds.module.js';
import { BackendController, DisconnectRule, TokensRule } from './backend.controller.js';
import { HistoryController, HistoryRule } from './history.controller.js';
import { PresenceController, PresenceRule } from './presence.controller.js';
import { ViewersController, ViewersRule } from './viewers.controller.js';
import { AccountModule } from '../../identity/accounts/account.module.js';
import { PublishEndpointModule } from './publish-endpoint.module.js';

/** The endpoints for other backends besides `POST /publish`. */
@Module({
  imports: [
    PublishEndpointModule,
    AccountModule,
    FeedsModule,
    StoreModule,
    ApiTokenModule,
    ApiKeyModule,
    RateLimitModule,
  ],
  controllers: [BackendController, PresenceController, HistoryController, ViewersController],
  providers: [TokensRule, DisconnectRule, PresenceRule, HistoryRule, ViewersRule],
})
export class BackendModule {}
