import { type DynamicModule, Module } from '@nestjs/common';
import { AppProxyModule } from './app-proxy/app-proxy.module.js';
import { ConfigModule } from './config/config.module.js';
import type { Config } from './config/config.js';
import { NotificationsModule } from './feeds/notifications/notifications.module.js';
import { DatabaseModule } from './database/database.module.js';
import { UserCountModule } from './feeds/user-count/user-count.module.js';
import { GatewayModule } from './gateway/gateway.module.js';
import { HealthModule } from './health/health.module.js';
import { HttpModule } from './http/http.module.js';
import { LoggingModule } from './logging/logging.module.js';
import { MetricsModule } from './metrics/metrics.module.js';
import { PagesModule } from './pages/pages.module.js';
import { PublishModule } from './publish/publish.module.js';
import { RedisModule } from './redis/redis.module.js';
import { TopicsModule } from './topics/topics.module.js';

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
