import { Module } from '@nestjs/common';
import { customersOf } from '../../identity/app-proxy/customer-viewer.js';
import { APP_PROXY_CONFIG, type AppProxyConfig } from '../../identity/identity.config.js';
import { VIEWER_CHECK } from '../../live/publish/published-event.js';
import { MetricsModule } from '../../live/metrics/metrics.module.js';
import { RateLimitModule } from '../../live/rate-limit/rate-limit.module.js';
import { FeedsModule } from '../../live/feeds/feeds.module.js';
import { ApiKeyGuard } from '../../identity/api-keys/api-key.guard.js';
import { ApiKeyModule } from '../../identity/api-keys/api-key.module.js';
import { DevelopmentKey } from '../../identity/api-keys/development-key.js';
import { HeldBodies } from './held-bodies.js';
import { PublishController, PublishRule } from './publish.controller.js';
import { PublishMetrics } from '../../live/publish/publish.metrics.js';
import { Publisher } from '../../live/publish/publisher.service.js';
import { PublishRate } from '../../live/publish/publish-rate.js';

/** `POST /publish`, and the key that opens it in development. */
@Module({
  imports: [ApiKeyModule, MetricsModule, RateLimitModule, FeedsModule],
  controllers: [PublishController],
  providers: [
    ApiKeyGuard,
    DevelopmentKey,
    HeldBodies,
    Publisher,
    PublishMetrics,
    PublishRate,
    PublishRule,
    {
      provide: VIEWER_CHECK,
      useFactory: ({ shops }: AppProxyConfig) => customersOf(shops.map((shop) => shop.domain)),
      inject: [APP_PROXY_CONFIG],
    },
  ],
  exports: [ApiKeyGuard, PublishRate],
})
export class PublishModule {}
