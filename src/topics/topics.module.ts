import { Global, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import type { Logger } from 'pino';
import { LIMITS_CONFIG } from '../config/config.module.js';
import type { LimitsConfig } from '../config/config.js';
import { LOGGER } from '../logging/logger.js';
import { RedisConnection } from '../redis/redis.connection.js';
import { RedisModule } from '../redis/redis.module.js';
import { RedisSubscriber } from '../redis/redis.subscriber.js';
import { DeliveryGate } from './delivery-gate.js';
import { FeedRegistry } from './feed.registry.js';
import { MAX_KEYS } from './idempotency-keys.js';
import { OwnerTopics } from './owner-topics.js';
import { MemoryPresence } from './presence/presence.memory.js';
import { RedisPresence } from './presence/presence.redis.js';
import { Presence } from './presence/presence.js';
import { MemoryTopicBus } from './topic.bus.memory.js';
import { RedisTopicBus } from './topic.bus.redis.js';
import { TopicBus } from './topic.bus.js';
import { TopicMetrics } from './topic.metrics.js';
import { RedisTurns } from './turns.redis.js';
import { MemoryTurns, Turns } from './turns.js';

/** Global: the bus between feeds, publishers and sockets, who is connected, and whose turn it is. Redis where `REDIS_URL` is set, else in memory. */
@Global()
@Module({
  imports: [RedisModule],
  providers: [
    FeedRegistry,
    OwnerTopics,
    TopicMetrics,
    {
      provide: DeliveryGate,
      useFactory: (subscriber: RedisSubscriber | null, logger: Logger) => new DeliveryGate(subscriber, logger),
      inject: [RedisSubscriber, LOGGER],
    },
    {
      provide: TopicBus,
      useFactory: (
        redis: RedisConnection | null,
        subscriber: RedisSubscriber | null,
        gate: DeliveryGate,
        metrics: TopicMetrics,
        limits: LimitsConfig,
      ) =>
        redis && subscriber
          ? new RedisTopicBus(redis, subscriber, gate, metrics)
          : new MemoryTopicBus(gate, metrics, { historyBytes: limits.maxHistoryBytes, keys: MAX_KEYS }),
      inject: [RedisConnection, RedisSubscriber, DeliveryGate, TopicMetrics, LIMITS_CONFIG],
    },
    {
      provide: Presence,
      useFactory: (redis: RedisConnection | null) => (redis ? new RedisPresence(redis) : new MemoryPresence()),
      inject: [RedisConnection],
    },
    {
      provide: Turns,
      useFactory: (redis: RedisConnection | null) => (redis ? new RedisTurns(redis) : new MemoryTurns()),
      inject: [RedisConnection],
    },
  ],
  exports: [DeliveryGate, FeedRegistry, OwnerTopics, TopicBus, Presence, Turns],
})
export class TopicsModule implements OnApplicationShutdown {
  constructor(@Inject(DeliveryGate) private readonly gate: DeliveryGate) {}

  onApplicationShutdown(): void {
    this.gate.stop();
  }
}
