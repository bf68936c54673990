import { Inject, Injectable } from '@nestjs/common';
import type { RateLimiterRes } from 'rate-limiter-flexible';
import { LIMITS_CONFIG, type LimitsConfig } from '../live.config.js';
import { TooManyRequestsError, waitSeconds } from '../errors/sallyport.errors.js';
import { addressBlocks, addressIn, type AddressRange } from '../viewer/client-address.js';
import { RateLimitMetrics } from './rate-limit.metrics.js';
import { NETWORK_FACTORS, networkLimiters, type RateLimiter, RateLimiters } from './rate-limiters.js';

/** The most attempts of one network that wait on this node while others are verified. */
const MAX_WAITING = 64;

/**
 * How often one address (IPv6: its /64) may fail per minute, over all targets. docs/operations.md has the same table.
 */
export const FAILURE_LIMITS = {
  /** Sign-ins with a wrong password or an unknown e-mail, against attackers who try one password on many accounts. */
  failedLogin: 10,
  /** Requests with an invalid API key. */
  wrongApiKey: 20,
  /** Sign-ins to the console with a key that is not valid there. */
  wrongConsoleKey: 10,
  /** Invalid logout tokens. A provider may send many valid ones at once. */
  badLogoutToken: 300,
} as const;

/** An action that may fail. */
export type FallibleAttempt = keyof typeof FAILURE_LIMITS;

/** One attempt, counted for one network. */
interface Count {
  readonly limiter: RateLimiter;
  readonly block: string;
  /** When the minute that it counts in ends, on the monotonic clock. */
  readonly untilMs: number;
}

/** Attempts of one network that are being verified on this node, and those that wait. */
interface UnderWay {
  verifying: number;
  readonly waiting: (() => void)[];
}

/**
 * Limits how often an address fails. Each attempt is counted before it is verified and uncounted if it succeeds, so
 * that fifty parallel attempts count as fifty. If too many are being verified, further ones wait, so that an office
 * where many people sign in at nine does not block itself.
 */
@Injectable()
export class FailureRateLimit {
  readonly #limiters: ReadonlyMap<FallibleAttempt, readonly RateLimiter[]>;
  readonly #exempt: readonly AddressRange[];
  readonly #underWay = new Map<string, UnderWay>();

  constructor(
    limiters: RateLimiters,
    private readonly metrics: RateLimitMetrics,
    @Inject(LIMITS_CONFIG) limits: LimitsConfig,
  ) {
    this.#limiters = networkLimiters(limiters, FAILURE_LIMITS);
    this.#exempt = limits.throttleExempt;
  }

  /**
   * Verifies an attempt from an address.
   *
   * @param isFailure whether the result or error of `verify` is a failed attempt; anything else is uncounted
   * @throws TooManyRequestsError when the address has failed too often; also whatever `verify` throws
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
    const counts = await this.#reserve(kind, blocks, key);
    let failed = false;
    try {
      const value = await verify();
      failed = isFailure({ value });
      return value;
    } catch (error) {
      failed = isFailure({ error });
      throw error;
    } finally {
      if (!failed) await uncount(counts);
      this.#settle(key);
    }
  }

  async #reserve(kind: FallibleAttempt, blocks: readonly string[], key: string): Promise<readonly Count[]> {
    for (;;) {
      const { counts, refusal } = await this.#take(kind, blocks);
      const underWay = this.#underWay.get(key);
      if (refusal === null) {
        if (underWay) underWay.verifying += 1;
        else this.#underWay.set(key, { verifying: 1, waiting: [] });
        return counts;
      }
      if (!underWay || underWay.waiting.length >= MAX_WAITING) {
        this.metrics.refused(kind);
        throw new TooManyRequestsError(waitSeconds(refusal.msBeforeNext), undefined, 'address');
      }
      await new Promise<void>((resolve) => underWay.waiting.push(resolve));
    }
  }

  /** The widest network first: once it reaches its limit, no keys are created for the many networks inside it. */
  async #take(
    kind: FallibleAttempt,
    blocks: readonly string[],
  ): Promise<{ readonly counts: readonly Count[]; readonly refusal: RateLimiterRes | null }> {
    const limiters = this.#limiters.get(kind) ?? [];
    const counts: Count[] = [];
    for (let level = blocks.length - 1; level >= 0; level -= 1) {
      const [limiter, block] = [limiters[level]!, blocks[level]!];
      const startedAtMs = performance.now();
      const taken = await limiter.penalty(block);
      counts.push({ limiter, block, untilMs: startedAtMs + taken.msBeforeNext });
      if (taken.consumedPoints <= FAILURE_LIMITS[kind] * NETWORK_FACTORS[level]!) continue;
      await uncount(counts);
      return { counts: [], refusal: taken };
    }
    return { counts, refusal: null };
  }

  /** One has been verified: the next may start, or all of them when nothing is left to wait for. */
  #settle(key: string): void {
    const underWay = this.#underWay.get(key);
    if (!underWay) return;
    underWay.verifying -= 1;
    if (underWay.verifying === 0) this.#underWay.delete(key);
    for (const resume of underWay.waiting.splice(0, underWay.verifying === 0 ? Infinity : 1)) resume();
  }
}

/** Not once its minute is over: that would let the next minute begin below zero. */
async function uncount(counts: readonly Count[]): Promise<void> {
  for (const { limiter, block, untilMs } of counts) if (performance.now() < untilMs) await limiter.reward(block);
}
