import { Inject, Injectable } from '@nestjs/common';
import type { RateLimiterAbstract, RateLimiterRes } from 'rate-limiter-flexible';
import { LIMITS_CONFIG, type LimitsConfig } from '../live.config.js';
import { TooManyRequestsError, waitSeconds } from '../errors/sallyport.errors.js';
import { addressBlocks, addressIn, type AddressRange } from '../viewer/client-address.js';
import { NETWORK_FACTORS, networkLimiters, RateLimiters } from './rate-limiters.js';

/** Attempts of one network that wait on this node until others of it are verified. */
const MAX_WAITING = 64;

/** How often one address (IPv6: its /64) may be wrong in a minute, over whatever it tries. docs/operations.md prints this table. */
export const FAILURE_LIMITS = {
  /** Sign-ins with a wrong password or an unknown e-mail: an attacker who tries one password on many accounts. */
  failedLogin: 10,
  /** Requests to `POST /publish` with a key that is none. */
  wrongApiKey: 20,
  /** Logout tokens that are none. A provider sends many good ones at once. */
  badLogoutToken: 300,
} as const;

/** An attempt that may turn out wrong. */
export type FallibleAttempt = keyof typeof FAILURE_LIMITS;

/** Attempts of one network that are being verified on this node, and those that wait for them. */
interface UnderWay {
  verifying: number;
  readonly waiting: (() => void)[];
}

/**
 * Limits how often an address is wrong. Each attempt is counted before it is verified and given back when it was right, so that
 * fifty at once are fifty. Where too many are being verified at once, the next ones wait for those: an office that
 * signs in at nine is not in its own way.
 */
@Injectable()
export class FailureRateLimit {
  readonly #limiters: ReadonlyMap<FallibleAttempt, readonly RateLimiterAbstract[]>;
  readonly #exempt: readonly AddressRange[];
  readonly #underWay = new Map<string, UnderWay>();

  constructor(limiters: RateLimiters, @Inject(LIMITS_CONFIG) limits: LimitsConfig) {
    this.#limiters = networkLimiters(limiters, FAILURE_LIMITS);
    this.#exempt = limits.throttleExempt;
  }

  /**
   * Verifies something that comes from an address.
   *
   * @param isFailure whether what `verify` resolved to, or threw, was a wrong attempt; anything else is given back
   * @throws TooManyRequestsError when the address has been wrong too often; whatever `verify` throws
   */
  async attempt<T>(
    kind: FallibleAttempt,
    address: string,
    verify: () => Promise<T>,
    isFailure: (outcome: { readonly value: T } | { readonly error: unknown }) => boolean,
  ): Promise<T> {
    if (addressIn(address, this.#exempt)) return verify();
    const blocks = addressBlocks(address);
    const key = `${kind} ${blocks.at(-1)}`;
    await this.#reserve(kind, blocks, key);
    let failed = false;
    try {
      const value = await verify();
      failed = isFailure({ value });
      return value;
    } catch (error) {
      failed = isFailure({ error });
      throw error;
    } finally {
      if (!failed) await this.#giveBack(kind, blocks, blocks.length);
      this.#settle(key);
    }
  }

  async #reserve(kind: FallibleAttempt, blocks: readonly string[], key: string): Promise<void> {
    for (;;) {
      const refusal = await this.#take(kind, blocks);
      const underWay = this.#underWay.get(key);
      if (refusal === null) {
        if (underWay) underWay.verifying += 1;
        else this.#underWay.set(key, { verifying: 1, waiting: [] });
        return;
      }
      if (!underWay || underWay.waiting.length >= MAX_WAITING)
        throw new TooManyRequestsError(waitSeconds(refusal.msBeforeNext), undefined, 'address');
      await new Promise<void>((resolve) => underWay.waiting.push(resolve));
    }
  }

  /** The widest network first: where that has had its share, no key is made for each of the many networks within. */
  async #take(kind: FallibleAttempt, blocks: readonly string[]): Promise<RateLimiterRes | null> {
    const limiters = this.#limiters.get(kind) ?? [];
    for (let level = blocks.length - 1; level >= 0; level -= 1) {
      const taken = await limiters[level]!.penalty(blocks[level]!);
      if (taken.consumedPoints <= FAILURE_LIMITS[kind] * NETWORK_FACTORS[level]!) continue;
      await this.#giveBack(kind, blocks, blocks.length, level);
      return taken;
    }
    return null;
  }

  async #giveBack(kind: FallibleAttempt, blocks: readonly string[], above: number, from = 0): Promise<void> {
    const limiters = this.#limiters.get(kind) ?? [];
    for (let level = from; level < above; level += 1) await limiters[level]!.reward(blocks[level]!);
  }

  /** One has been verified: the next may try, and all of them when nothing is left to wait for. */
  #settle(key: string): void {
    const underWay = this.#underWay.get(key);
    if (!underWay) return;
    underWay.verifying -= 1;
    if (underWay.verifying === 0) this.#underWay.delete(key);
    for (const resume of underWay.waiting.splice(0, underWay.verifying === 0 ? Infinity : 1)) resume();
  }
}
