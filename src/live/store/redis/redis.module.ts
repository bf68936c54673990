import { Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import type { Logger } from 'pino';
import { REDIS_CONFIG, type RedisConfig } from '../../live.config.js';
import { LOGGER } from '../../logging/logger.js';
import { StoreMetrics } from '../store-health.js';
import { StoreHealthModule } from '../store-health.module.js';
import { openRedis, type RedisLink } from './open-redis.js';
import { RedisConnection } from './redis.connection.js';
import { RedisSubscriber } from './redis.subscriber.js';

const REDIS_LINK = Symbol('REDIS_LINK');

/**
 * The two connections to Redis. `RedisConnection` and `RedisSubscriber` are null without `REDIS_URL`:
 * inject them with `@Inject(RedisConnection) redis: RedisConnection | null`.
 */
@Module({
  imports: [StoreHealthModule],
  providers: [
    {
      provide: REDIS_LINK,
      useFactory: (config: RedisConfig, logger: Logger) => (config.url === null ? null : openRedis(config.url, logger)),
      inject: [REDIS_CONFIG, LOGGER],
    },
    {
      provide: RedisConnection,
      useFactory: async (link: RedisLink | null, stores: StoreMetrics) => {
        if (!link) return null;
        const connection = new RedisConnection(link, stores.watch('redis', 'Redis', link.address));
        await connection.open();
        return connection;
      },
      inject: [REDIS_LINK, StoreMetrics],
    },
    {
      provide: RedisSubscriber,
      useFactory: (link: RedisLink | null) => link && RedisSubscriber.open(link),
      inject: [REDIS_LINK],
    },
  ],
  exports: [RedisConnection, RedisSubscriber],
})
export class RedisModule implements OnApplicationShutdown {
  constructor(
    @Inject(RedisConnection) private readonly connection: RedisConnection | null,
    @Inject(RedisSubscriber) private readonly subscriber: RedisSubscriber | null,
  ) {}

  /** The last step of a shutdown, since other parts still use these connections while they stop. */
  onApplicationShutdown(): void {
    this.subscriber?.close();
    this.connection?.close();
  }
}
