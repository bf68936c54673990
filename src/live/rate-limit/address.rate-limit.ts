import { Inject, Injectable } from '@nestjs/common';
import { type RateLimiterAbstract, RateLimiterRes } from 'rate-limiter-flexible';
import { LIMITS_CONFIG, type LimitsConfig } from '../live.config.js';
import { TooManyRequestsError, waitSeconds } from '../errors/sallyport.errors.js';
import { addressBlocks, addressIn, type AddressRange } from '../viewer/client-address.js';
import { networkLimiters, RateLimiters } from './rate-limiters.js';

/**
 * How often one address (IPv6: its /64) may do a thing in a minute. An office or a school behind one address stays
 * far below; for more, set THROTTLE_EXEMPT. docs/operations.md prints this table.
 */
export const ADDRESS_LIMITS = {
  login: 60,
  register: 60,
  password: 60,
  token: 600,
  socket: 600,
} as const;

/**
 * How many a node counts by itself before it tells the others. Cheap and frequent things would cost `me` a sixth of its time;
 * and a key in Redis for each address that asks once would let attackers choose how much Redis holds.
 */
const UNSHARED: Readonly<Record<RateLimitedAction, number>> = {
  login: 20,
  register: 20,
  password: 20,
  token: 60,
  socket: 60,
};

/** A thing that is counted per address. */
export type RateLimitedAction = keyof typeof ADDRESS_LIMITS;

/** Counts what an address does. Resolvers count, not requests: each alias of a document counts by itself. */
@Injectable()
export class AddressRateLimit {
  readonly #limiters: ReadonlyMap<RateLimitedAction, readonly RateLimiterAbstract[]>;
  readonly #exempt: readonly AddressRange[];

  constructor(limiters: RateLimiters, @Inject(LIMITS_CONFIG) limits: LimitsConfig) {
    this.#limiters = networkLimiters(limiters, ADDRESS_LIMITS, UNSHARED);
    this.#exempt = limits.throttleExempt;
  }

  /**
   * Counts one action, before it is done.
   *
   * @throws TooManyRequestsError when the address, or the network around it, has had its share
   */
  async count(action: RateLimitedAction, address: string): Promise<void> {
    const retryAfterSeconds = await this.retryAfter(action, address);
    if (retryAfterSeconds !== null) throw new TooManyRequestsError(retryAfterSeconds, undefined, 'address');
  }

  /** As {@link count}, for callers that are no resolvers: null where it may be done, else seconds until it may. */
  async retryAfter(action: RateLimitedAction, address: string): Promise<number | null> {
    if (addressIn(address, this.#exempt)) return null;
    const limiters = this.#limiters.get(action) ?? [];
    try {
      // The narrowest first: what it refuses costs the network around it nothing.
      for (const [index, block] of addressBlocks(address).entries()) await limiters[index]?.consume(block);
      return null;
    } catch (refusal) {
      if (refusal instanceof RateLimiterRes) return waitSeconds(refusal.msBeforeNext);
      throw refusal;
    }
  }
}
