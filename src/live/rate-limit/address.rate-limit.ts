import { Inject, Injectable } from '@nestjs/common';
import { RateLimiterRes } from 'rate-limiter-flexible';
import { LIMITS_CONFIG, type LimitsConfig } from '../live.config.js';
import { TooManyRequestsError, waitSeconds } from '../errors/sallyport.errors.js';
import { addressBlocks, addressIn, type AddressRange } from '../viewer/client-address.js';
import { RateLimitMetrics } from './rate-limit.metrics.js';
import { networkLimiters, type RateLimiter, RateLimiters } from './rate-limiters.js';

/**
 * How often one address (IPv6: its /64) may do each action per minute. An office or a school behind one address stays
 * far below; for more, set THROTTLE_EXEMPT. docs/operations.md has the same table.
 */
export const ADDRESS_LIMITS = {
  login: 60,
  register: 60,
  password: 60,
  token: 600,
  socket: 600,
} as const;

/**
 * How many a node counts locally before it shares the count. Sharing cheap and frequent actions would cost `me` a sixth
 * of its time, and a shared counter for each address would let attackers decide how much the store keeps.
 */
const UNSHARED: Readonly<Record<RateLimitedAction, number>> = {
  login: 20,
  register: 20,
  password: 20,
  token: 60,
  socket: 60,
};

/** An action that is counted per address. */
export type RateLimitedAction = keyof typeof ADDRESS_LIMITS;

/** Counts the actions of an address. Resolvers are counted, not requests: each alias of a document counts. */
@Injectable()
export class AddressRateLimit {
  readonly #limiters: ReadonlyMap<RateLimitedAction, readonly RateLimiter[]>;
  readonly #exempt: readonly AddressRange[];

  constructor(
    limiters: RateLimiters,
    private readonly metrics: RateLimitMetrics,
    @Inject(LIMITS_CONFIG) limits: LimitsConfig,
  ) {
    this.#limiters = networkLimiters(limiters, ADDRESS_LIMITS, UNSHARED);
    this.#exempt = limits.throttleExempt;
  }

  /**
   * Counts one action, before it is done.
   *
   * @throws TooManyRequestsError when the address, or a wider network, has reached its limit
   */
  async count(action: RateLimitedAction, address: string): Promise<void> {
    const retryAfterSeconds = await this.retryAfter(action, address);
    if (retryAfterSeconds !== null) throw new TooManyRequestsError(retryAfterSeconds, undefined, 'address');
  }

  /** As {@link count}, for callers that are not resolvers: null if the action is allowed, else seconds until it is. */
  async retryAfter(action: RateLimitedAction, address: string): Promise<number | null> {
    if (addressIn(address, this.#exempt)) return null;
    const limiters = this.#limiters.get(action) ?? [];
    try {
      // The narrowest first, so that its refusals do not count for the wider networks.
      for (const [index, block] of addressBlocks(address).entries()) await limiters[index]?.consume(block);
      return null;
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) throw refusal;
      this.metrics.refused(action);
      return waitSeconds(refusal.msBeforeNext);
    }
  }
}
