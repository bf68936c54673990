import { type InjectionToken, Inject, Module, type OnApplicationShutdown, type Provider } from '@nestjs/common';
import type { Logger } from 'pino';
import { LIMITS_CONFIG, type LimitsConfig } from '../live.config.js';
import { IntervalLease } from '../leases/interval-lease.js';
import { LOGGER } from '../logging/logger.js';
import { Presence } from '../presence/presence.js';
import { GuessCounter } from '../rate-limit/guess-counter.js';
import { RateLimiters } from '../rate-limit/rate-limiters.js';
import { RevocationStore } from '../sessions/revocation.store.js';
import { SessionRevocations } from '../sessions/session-revocations.js';
import { TokenReplayStore } from '../tokens/token-replay.store.js';
import { DeliveryGate } from '../topics/delivery-gate.js';
import { TopicBus } from '../topics/topic.bus.js';
import { TopicMetrics } from '../topics/topic.metrics.js';
import { MemoryGuessCounter } from './memory/guess-counter.memory.js';
import { MAX_KEYS } from './memory/idempotency-keys.js';
import { MemoryIntervalLease } from './memory/interval-lease.memory.js';
import { MemoryPresence } from './memory/presence.memory.js';
import { MemoryRateLimiters } from './memory/rate-limiters.memory.js';
import { MemoryRevocationStore } from './memory/revocation.store.memory.js';
import { MemorySessionRevocations } from './memory/session-revocations.memory.js';
import { MemoryTokenReplayStore } from './memory/token-replay.store.memory.js';
import { MemoryTopicBus } from './memory/topic.bus.memory.js';
import { RedisGuessCounter } from './redis/guess-counter.redis.js';
import { RedisIntervalLease } from './redis/interval-lease.redis.js';
import { RedisPresence } from './redis/presence.redis.js';
import { RedisRateLimiters } from './redis/rate-limiters.redis.js';
import { RedisConnection } from './redis/redis.connection.js';
import { RedisModule } from './redis/redis.module.js';
import { RedisSubscriber } from './redis/redis.subscriber.js';
import { RedisRevocationStore } from './redis/revocation.store.redis.js';
import { RedisSessionRevocations } from './redis/session-revocations.redis.js';
import { RedisTokenReplayStore } from './redis/token-replay.store.redis.js';
import { RedisTopicBus } from './redis/topic.bus.redis.js';
import { SharedStoreHealth, type SharedStoreLink } from './store-health.js';

/** The two connections of the Redis store. */
interface RedisLinks {
  readonly redis: RedisConnection;
  readonly subscriber: RedisSubscriber;
}

/** What implementations of both engines also need. */
interface Common {
  readonly gate: DeliveryGate;
  readonly metrics: TopicMetrics;
  readonly limits: LimitsConfig;
  readonly logger: Logger;
}

/** The two implementations of a port. */
interface Engines<T> {
  memory(common: Common): T;
  redis(links: RedisLinks, common: Common): T;
}

/** Provides a port: on Redis if `REDIS_URL` is set, else in the memory of this process, which is then the only node. */
function port<T>(provide: InjectionToken<T>, engines: Engines<T>): Provider {
  return {
    provide,
    useFactory: (
      redis: RedisConnection | null,
      subscriber: RedisSubscriber | null,
      gate: DeliveryGate,
      metrics: TopicMetrics,
      limits: LimitsConfig,
      logger: Logger,
    ): T => {
      const common = { gate, metrics, limits, logger };
      return redis && subscriber ? engines.redis({ redis, subscriber }, common) : engines.memory(common);
    },
    inject: [RedisConnection, RedisSubscriber, DeliveryGate, TopicMetrics, LIMITS_CONFIG, LOGGER],
  };
}

/**
 * Both connections count, since no connection is admitted while events cannot be delivered. On a cluster one shard may
 * be unavailable for long without affecting the subscriptions on the others.
 */
function linkOf(redis: RedisConnection, subscriber: RedisSubscriber): SharedStoreLink {
  return {
    health: redis.health,
    get isAvailable() {
      return redis.isAvailable && (redis.isCluster || !subscriber.isLost);
    },
  };
}

/** All ports that an engine implements. The only place that chooses between engines. */
const PORTS = [
  port(TopicBus, {
    memory: ({ gate, metrics, limits }) =>
      new MemoryTopicBus(gate, metrics, { historyBytes: limits.maxHistoryBytes, keys: MAX_KEYS }),
    redis: ({ redis, subscriber }, { gate, metrics }) => new RedisTopicBus(redis, subscriber, gate, metrics),
  }),
  port(SessionRevocations, {
    memory: () => new MemorySessionRevocations(),
    redis: ({ redis, subscriber }, { logger }) => new RedisSessionRevocations(redis, subscriber, logger),
  }),
  port(RevocationStore, {
    memory: () => new MemoryRevocationStore(),
    redis: ({ redis }) => new RedisRevocationStore(redis),
  }),
  port(Presence, { memory: () => new MemoryPresence(), redis: ({ redis }) => new RedisPresence(redis) }),
  port(IntervalLease, { memory: () => new MemoryIntervalLease(), redis: ({ redis }) => new RedisIntervalLease(redis) }),
  port(TokenReplayStore, {
    memory: () => new MemoryTokenReplayStore(),
    redis: ({ redis }) => new RedisTokenReplayStore(redis),
  }),
  port(RateLimiters, { memory: () => new MemoryRateLimiters(), redis: ({ redis }) => new RedisRateLimiters(redis) }),
  port(GuessCounter, { memory: () => new MemoryGuessCounter(), redis: ({ redis }) => new RedisGuessCounter(redis) }),
];

const TOKENS = [
  TopicBus,
  SessionRevocations,
  RevocationStore,
  Presence,
  IntervalLease,
  TokenReplayStore,
  RateLimiters,
  GuessCounter,
];

/** The state that nodes share, behind ports: topics, revocations, presence, leases, used tokens, rate limits. */
@Module({
  imports: [RedisModule],
  providers: [
    TopicMetrics,
    {
      provide: SharedStoreHealth,
      useFactory: (redis: RedisConnection | null, subscriber: RedisSubscriber | null) =>
        new SharedStoreHealth(redis && subscriber ? linkOf(redis, subscriber) : null),
      inject: [RedisConnection, RedisSubscriber],
    },
    {
      provide: DeliveryGate,
      useFactory: (subscriber: RedisSubscriber | null, logger: Logger) => new DeliveryGate(subscriber, logger),
      inject: [RedisSubscriber, LOGGER],
    },
    ...PORTS,
  ],
  exports: [...TOKENS, DeliveryGate, SharedStoreHealth],
})
export class StoreModule implements OnApplicationShutdown {
  constructor(@Inject(DeliveryGate) private readonly gate: DeliveryGate) {}

  onApplicationShutdown(): void {
    this.gate.stop();
  }
}
