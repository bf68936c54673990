import type { Logger } from 'pino';
import type { DeliveryGate } from '../../topics/delivery-gate.js';
import type { TopicMetrics } from '../../topics/topic.metrics.js';
import type { StoreSettings } from '../../live.config.js';
import type { NodeConnection, StoreEngine } from '../store-engine.js';
import type { StoreMetrics } from '../store-health.js';
import { RedisGuessCounter } from './guess-counter.redis.js';
import { RedisIntervalLease } from './interval-lease.redis.js';
import { openRedis } from './open-redis.js';
import { RedisPresence } from './presence.redis.js';
import { RedisRateLimiters } from './rate-limiters.redis.js';
import { RedisConnection } from './redis.connection.js';
import { RedisSubscriber } from './redis.subscriber.js';
import { RedisRevocationStore } from './revocation.store.redis.js';
import { RedisSessionRevocations } from './session-revocations.redis.js';
import { RedisTokenReplayStore } from './token-replay.store.redis.js';
import { RedisTopicBus } from './topic.bus.redis.js';

/** Everything in Redis, over two connections: one for commands, one that subscribes. */
export class RedisEngine implements StoreEngine {
  readonly connection: NodeConnection;

  private constructor(
    private readonly redis: RedisConnection,
    private readonly subscriber: RedisSubscriber,
  ) {
    this.connection = connectionOf(redis, subscriber);
  }

  /**
   * Opens both connections.
   *
   * @param url checked already
   * @param settings see {@link openRedis}
   * @throws StartError when Redis is unavailable
   */
  static async open(url: string, stores: StoreMetrics, logger: Logger, settings?: StoreSettings): Promise<RedisEngine> {
    const link = await openRedis(url, logger, settings);
    const redis = new RedisConnection(link, stores.watch('redis', 'Redis', link.address));
    await redis.open();
    const subscriber = await RedisSubscriber.open(link);
    redis.health.showConnections(() => ({
      open: { commands: redis.openConnections, subscriptions: subscriber.openConnections },
    }));
    return new RedisEngine(redis, subscriber);
  }

  topicBus(gate: DeliveryGate, metrics: TopicMetrics): RedisTopicBus {
    return new RedisTopicBus(this.redis, this.subscriber, gate, metrics);
  }

  sessionRevocations(logger: Logger): RedisSessionRevocations {
    return new RedisSessionRevocations(this.redis, this.subscriber, logger);
  }

  revocationStore(): RedisRevocationStore {
    return new RedisRevocationStore(this.redis);
  }

  presence(): RedisPresence {
    return new RedisPresence(this.redis);
  }

  intervalLease(): RedisIntervalLease {
    return new RedisIntervalLease(this.redis);
  }

  tokenReplayStore(): RedisTokenReplayStore {
    return new RedisTokenReplayStore(this.redis);
  }

  rateLimiters(): RedisRateLimiters {
    return new RedisRateLimiters(this.redis);
  }

  guessCounter(): RedisGuessCounter {
    return new RedisGuessCounter(this.redis);
  }

  close(): void {
    this.subscriber.close();
    this.redis.close();
  }
}

/**
 * Both connections count, since no connection is admitted while events cannot be delivered. On a cluster one shard may
 * be unavailable for long without affecting the subscriptions on the others.
 */
function connectionOf(redis: RedisConnection, subscriber: RedisSubscriber): NodeConnection {
  return {
    name: 'redis',
    health: redis.health,
    get isAvailable() {
      return redis.isAvailable && (redis.isCluster || !subscriber.isLost);
    },
    get nowMs() {
      return redis.nowMs;
    },
    listen: (hooks) => subscriber.listen(hooks),
  };
}
