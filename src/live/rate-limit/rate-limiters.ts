import { Inject, Injectable } from '@nestjs/common';
import { type RateLimiterAbstract, RateLimiterRedis } from 'rate-limiter-flexible';
import { RedisConnection } from '../store/redis/redis.connection.js';
import { BoundedMemoryLimiter } from '../store/memory/bounded-memory-limiter.js';
import { LateSharedLimiter } from '../store/redis/late-shared-limiter.js';

/** What a limiter counts. */
export interface RateLimit {
  /** Part of every key; another name counts apart. */
  readonly name: string;
  /** How often a key may be consumed within {@link seconds}, from the first time on. */
  readonly points: number;
  readonly seconds: number;
  /** How many of a key each node counts by itself before it tells the others. Default 0: it tells of each one. */
  readonly unshared?: number;
}

/**
 * Makes limiters: over all nodes with Redis, else in this process. While Redis is away each node counts by itself:
 * a throttle that refused everybody then would lock people out for as long as the outage.
 */
@Injectable()
export class RateLimiters {
  constructor(@Inject(RedisConnection) private readonly redis: RedisConnection | null) {}

  make({ name, points, seconds, unshared = 0 }: RateLimit): RateLimiterAbstract {
    const options = { keyPrefix: `sallyport:throttle:${name}`, points, duration: seconds };
    const memory = new BoundedMemoryLimiter(options);
    if (!this.redis) return memory;
    const storeClient = this.redis.client;
    const shared = new RateLimiterRedis({
      ...options,
      storeClient,
      insuranceLimiter: memory,
      rejectIfRedisNotReady: true,
    });
    return unshared > 0 ? new LateSharedLimiter(options, shared, unshared) : shared;
  }
}
