import { Global, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import type { Logger } from 'pino';
import { LIMITS_CONFIG, type LimitsConfig } from '../live.config.js';
import { LOGGER } from '../logging/logger.js';
import { RedisConnection } from '../store/redis/redis.connection.js';
import { RedisModule } from '../store/redis/redis.module.js';
import { RedisSubscriber } from '../store/redis/redis.subscriber.js';
import { DeliveryGate } from '../topics/delivery-gate.js';
import { FeedRegistry } from './feed.registry.js';
import { MAX_KEYS } from '../store/memory/idempotency-keys.js';
import { OwnerTopics } from './owner-topics.js';
import { MemoryPresence } from '../store/memory/presence.memory.js';
import { RedisPresence } from '../store/redis/presence.redis.js';
import { Presence } from '../presence/presence.js';
import { MemoryTopicBus } from '../store/memory/topic.bus.memory.js';
import { RedisTopicBus } from '../store/redis/topic.bus.redis.js';
import { TopicBus } from '../topics/topic.bus.js';
import { TopicMetrics } from '../topics/topic.metrics.js';
import { RedisTurns } from '../store/redis/interval-lease.redis.js';
import { MemoryTurns, Turns } from '../leases/interval-lease.js';

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
