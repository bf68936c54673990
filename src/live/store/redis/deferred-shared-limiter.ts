import type { IRateLimiterOptions, RateLimiterAbstract, RateLimiterRes } from 'rate-limiter-flexible';
import { BoundedMemoryLimiter } from '../memory/bounded-memory-limiter.js';

/**
 * Counts a key in this process alone until it has done so much that the other nodes should know; from then on with them.
 * What honest people do costs no round trip; what it misses is at most `unshared` for each node.
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
