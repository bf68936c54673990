import { type RateLimiterAbstract, RateLimiterRedis } from 'rate-limiter-flexible';
import { type RateLimit, RateLimiters } from '../../rate-limit/rate-limiters.js';
import { BoundedMemoryLimiter } from '../memory/bounded-memory-limiter.js';
import { DeferredSharedLimiter } from './deferred-shared-limiter.js';
import type { RedisConnection } from './redis.connection.js';

/**
 * Limits over all nodes. While Redis is away each node counts by itself: a limit that refused everybody then would lock people
 * out for as long as the outage.
 */
export class RedisRateLimiters extends RateLimiters {
  constructor(private readonly redis: RedisConnection) {
    super();
  }

  override make({ name, points, seconds, unshared = 0 }: RateLimit): RateLimiterAbstract {
    const options = { keyPrefix: `sallyport:throttle:${name}`, points, duration: seconds };
    const shared = new RateLimiterRedis({
      ...options,
      storeClient: this.redis.client,
      insuranceLimiter: new BoundedMemoryLimiter(options),
      rejectIfRedisNotReady: true,
    });
    return unshared > 0 ? new DeferredSharedLimiter(options, shared, unshared) : shared;
  }
}
