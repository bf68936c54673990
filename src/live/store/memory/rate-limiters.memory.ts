import { type RateLimit, RateLimiters } from '../../rate-limit/rate-limiters.js';
import { BoundedMemoryLimiter } from './bounded-memory-limiter.js';

/** Limits of this process alone. */
export class MemoryRateLimiters extends RateLimiters {
  override make({ name, points, seconds }: RateLimit): BoundedMemoryLimiter {
    return new BoundedMemoryLimiter({ keyPrefix: `sallyport:throttle:${name}`, points, duration: seconds });
  }
}
