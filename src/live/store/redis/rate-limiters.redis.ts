import { type RateLimiterAbstract, RateLimiterRedis, type RateLimiterRes } from 'rate-limiter-flexible';
import { type RateLimit, RateLimiters } from '../../rate-limit/rate-limiters.js';
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

  override make({ name, points, seconds, unshared = 0 }: RateLimit): RateLimiterAbstract {
    const options = { keyPrefix: `sallyport:throttle:${name}`, points, duration: seconds };
    const shared = new MeasuredLimiter(this.redis, {
      ...options,
      storeClient: this.redis.client,
      insuranceLimiter: new BoundedMemoryLimiter(options),
      rejectIfRedisNotReady: true,
    });
    return unshared > 0 ? new DeferredSharedLimiter(options, shared, unshared) : shared;
  }
}

/** A limiter whose commands count in the store's metrics, as all others do. */
class MeasuredLimiter extends RateLimiterRedis {
  constructor(
    private readonly redis: RedisConnection,
    options: ConstructorParameters<typeof RateLimiterRedis>[0],
  ) {
    super(options);
  }

  override async consume(
    key: string | number,
    points?: number,
    options?: Record<string, unknown>,
  ): Promise<RateLimiterRes> {
    // Otherwise it counts in this process, without a command.
    if (this.redis.client.status !== 'ready') return super.consume(key, points, options);
    const startedAtMs = performance.now();
    try {
      return await super.consume(key, points, options);
    } finally {
      this.redis.health.took('limit', startedAtMs);
    }
  }
}
