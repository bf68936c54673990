import { Inject, Injectable } from '@nestjs/common';
import { type RateLimiterAbstract, RateLimiterRes } from 'rate-limiter-flexible';
import { LIMITS_CONFIG } from '../../config/config.module.js';
import type { LimitsConfig } from '../../config/config.js';
import { TooManyRequestsError } from '../../errors/sallyport.errors.js';
import { addressBlock, addressIn, type AddressRange, parseAddressRanges } from '../../viewer/client-address.js';
import { RateLimiters } from './rate-limiters.js';

const MINUTE = 60;

/**
 * How often one address (IPv6: its /64) may do a thing in a minute. An office or a school behind one address stays
 * far below; for more, set THROTTLE_EXEMPT. docs/operations.md prints this table.
 */
export const ADDRESS_LIMITS = {
  login: 60,
  /** Logins with a wrong password or an unknown e-mail: an attacker who tries one password on many accounts. */
  failedLogin: 10,
  register: 60,
  password: 60,
  token: 600,
  socket: 600,
} as const;

/** Cheap and frequent things: counting each of them in Redis would cost `me` a sixth of its time. */
const UNSHARED: Partial<Record<ThrottledAction, number>> = { token: 60, socket: 60 };

/** A thing that is counted per address. */
export type ThrottledAction = keyof typeof ADDRESS_LIMITS;

/** Counts what an address does. Resolvers count, not requests: each alias of a document counts by itself. */
@Injectable()
export class AddressThrottle {
  readonly #limiters: ReadonlyMap<ThrottledAction, RateLimiterAbstract>;
  readonly #exempt: readonly AddressRange[];

  constructor(limiters: RateLimiters, @Inject(LIMITS_CONFIG) limits: LimitsConfig) {
    const actions = Object.entries(ADDRESS_LIMITS) as [ThrottledAction, number][];
    this.#limiters = new Map(
      actions.map(
        ([name, points]) =>
          [name, limiters.make({ name, points, seconds: MINUTE, unshared: UNSHARED[name] ?? 0 })] as const,
      ),
    );
    this.#exempt = parseAddressRanges(limits.throttleExempt);
  }

  /**
   * Counts one action, before it is done.
   *
   * @throws TooManyRequestsError when the address has had its share
   */
  async count(action: ThrottledAction, address: string): Promise<void> {
    const retryAfterSeconds = await this.retryAfter(action, address);
    if (retryAfterSeconds !== null) throw new TooManyRequestsError(retryAfterSeconds);
  }

  /**
   * Refuses an address that has had its share, and counts nothing.
   *
   * @throws TooManyRequestsError
   */
  async refuseSpent(action: ThrottledAction, address: string): Promise<void> {
    if (addressIn(address, this.#exempt)) return;
    const used = await this.#limiters.get(action)?.get(addressBlock(address));
    if (used && used.consumedPoints >= ADDRESS_LIMITS[action] && used.msBeforeNext > 0) {
      throw new TooManyRequestsError(waitSeconds(used));
    }
  }

  /** As {@link count}, for callers that are no resolvers: null where it may be done, else seconds until it may. */
  async retryAfter(action: ThrottledAction, address: string): Promise<number | null> {
    if (addressIn(address, this.#exempt)) return null;
    try {
      await this.#limiters.get(action)?.consume(addressBlock(address));
      return null;
    } catch (refusal) {
      if (refusal instanceof RateLimiterRes) return waitSeconds(refusal);
      throw refusal;
    }
  }
}

/** How long a refused caller is told to wait: whole seconds, at least one. */
export function waitSeconds({ msBeforeNext }: RateLimiterRes): number {
  return Math.max(1, Math.ceil(msBeforeNext / 1000));
}
