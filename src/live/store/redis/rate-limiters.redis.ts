import { RateLimiterRedis, type RateLimiterRes } from 'rate-limiter-flexible';
import { type RateLimit, type RateLimiter, RateLimiters } from '../../rate-limit/rate-limiters.js';
import { DeferredSharedLimiter } from '../deferred-shared-limiter.js';
import { BoundedMemoryLimiter } from '../memory/rate-limiters.memory.js';
import type { RedisConnection } from './redis.connection.js';

/**
 * Limits over all nodes. While Redis is unavailable each node counts separately: refusing every request would lock
 * users out during the outage.
 */
export class RedisRateLimiters extends RateLimiters {
  constructor(private readonly redis: RedisConnection) {
    super();
  }

  override make(limit: RateLimit): RateLimiter {
    const insuranceLimiter = new BoundedMemoryLimiter(limit);
    const shared = new MeasuredLimiter(this.redis, {
      keyPrefix: insuranceLimiter.keyPrefix,
      points: limit.points,
      duration: limit.seconds,
      storeClient: this.redis.client,
      insuranceLimiter,
      rejectIfRedisNotReady: true,
    });
    return limit.unshared ? new DeferredSharedLimiter(limit, shared, limit.unshared) : shared;
  }
}

type Call = [key: string | number, points?: number, options?: Record<string, unknown>];

/** A limiter whose commands count in the store's metrics, as all others do. */
class MeasuredLimiter extends RateLimiterRedis {
  constructor(
    private readonly redis: RedisConnection,
    options: ConstructorParameters<typeof RateLimiterRedis>[0],
  ) {
    super(options);
  }

  override consume(...call: Call): Promise<RateLimiterRes> {
    return this.#measured(() => super.consume(...call));
  }

  override penalty(...call: Call): Promise<RateLimiterRes> {
    return this.#measured(() => super.penalty(...call));
  }

  override reward(...call: Call): Promise<RateLimiterRes> {
    return this.#measured(() => super.reward(...call));
  }

  async #measured(count: () => Promise<RateLimiterRes>): Promise<RateLimiterRes> {
    // Otherwise it counts in this process, without a command.
    if (this.redis.client.status !== 'ready') return count();
    const startedAtMs = performance.now();
    try {
      return await count();
    } finally {
      this.redis.health.took('limit', startedAtMs);
    }
  }
}
