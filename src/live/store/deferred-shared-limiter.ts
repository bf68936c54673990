import type { RateLimiterRes } from 'rate-limiter-flexible';
import type { RateLimit, RateLimiter } from '../rate-limit/rate-limiters.js';
import { BoundedMemoryLimiter } from './memory/rate-limiters.memory.js';

/**
 * Counts a key in this process only until it reaches `unshared`, and from then on with all nodes. Ordinary use costs no
 * round trip; at most `unshared` per node is not counted.
 */
export class DeferredSharedLimiter extends BoundedMemoryLimiter {
  constructor(
    limit: RateLimit,
    private readonly shared: RateLimiter,
    private readonly unshared: number,
  ) {
    super(limit);
  }

  override async consume(key: string | number): Promise<RateLimiterRes> {
    const here = await this.penalty(key);
    if (here.consumedPoints <= this.unshared) return here;
    const untold = here.consumedPoints === this.unshared + 1 ? here.consumedPoints : 1;
    return this.shared.consume(key, untold);
  }
}
