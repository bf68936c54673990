import {
  type RateLimiterAbstract,
  RateLimiterRedis,
  type IRateLimiterOptions,
  type RateLimiterRes,
} from 'rate-limiter-flexible';
import { type RateLimit, RateLimiters } from '../../rate-limit/rate-limiters.js';
import { BoundedMemoryLimiter } from '../memory/rate-limiters.memory.js';
import type { RedisConnection } from './redis.connection.js';

/**
 * Counts a key in this process only until it reaches `unshared`, and from then on with all nodes. Ordinary use costs no
 * round trip; at most `unshared` per node is not counted.
 */
export class DeferredSharedLimiter extends BoundedMemoryLimiter {
  constructor(
    options: IRateLimiterOptions,
    private readonly shared: RateLimiterAbstract,
    private readonly unshared: number,
  ) {
    super(options);
  }

  override async consume(key: string | number): Promise<RateLimiterRes> {
    const here = await this.penalty(key);
    if (here.consumedPoints <= this.unshared) return here;
    const untold = here.consumedPoints === this.unshared + 1 ? here.consumedPoints : 1;
    return this.shared.consume(key, untold);
  }
}

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
    const shared = new RateLimiterRedis({
      ...options,
      storeClient: this.redis.client,
      insuranceLimiter: new BoundedMemoryLimiter(options),
      rejectIfRedisNotReady: true,
    });
    return unshared > 0 ? new DeferredSharedLimiter(options, shared, unshared) : shared;
  }
}
