import { type DynamicModule, Module } from '@nestjs/common';
import { AppProxyModule } from './identity/app-proxy/app-proxy.module.js';
import { ConfigModule } from './server/config/config.module.js';
import type { Config } from './server/config/config.js';
import { NotificationsModule } from './feeds/notifications/notifications.module.js';
import { DatabaseModule } from './identity/database/database.module.js';
import { UserCountModule } from './feeds/user-count/user-count.module.js';
import { GatewayModule } from './live/gateway/gateway.module.js';
import { HealthModule } from './server/health/health.module.js';
import { HttpModule } from './server/http/http.module.js';
import { LoggingModule } from './server/logging/logging.module.js';
import { MetricsModule } from './server/metrics/metrics.module.js';
import { PagesModule } from './server/pages/pages.module.js';
import { PublishModule } from './server/http/publish.module.js';
import { RedisModule } from './live/store/redis/redis.module.js';
import { TopicsModule } from './live/feeds/feeds.module.js';

/** The one composition root: every room of the house, from the ground up. */
@Module({})
export class AppModule {
  static of(config: Config): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.of(config),
        LoggingModule,
        MetricsModule,
        DatabaseModule,
        RedisModule,
        TopicsModule,
        UserCountModule,
        NotificationsModule,
        PublishModule,
        AppProxyModule,
        GatewayModule,
        HealthModule,
        PagesModule,
        HttpModule,
      ],
    };
  }
}
