import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { type RateLimiterAbstract, RateLimiterRes } from 'rate-limiter-flexible';
import { InvalidCredentialsError, TooManyRequestsError } from '../../errors/sallyport.errors.js';
import { waitSeconds } from './address.throttle.js';
import { RateLimiters } from './rate-limiters.js';

/** Wrong guesses in a row without a wait. */
const FREE_GUESSES = 4;
const LONGEST_WAIT_SECONDS = 15 * 60;
/** After so long without success the count starts anew. */
const REMEMBER_SECONDS = 24 * 60 * 60;

/**
 * Makes guessing at one password slow: from the fifth wrong guess in a row each one costs twice the wait of the one
 * before, from 1 s to 15 min. A guess is counted before it is verified, so that fifty at once are fifty guesses.
 */
@Injectable()
export class PasswordThrottle {
  readonly #guesses: RateLimiterAbstract;
  /** Holds a key while its wait lasts; one caller at a time gets through. */
  readonly #gate: RateLimiterAbstract;

  constructor(limiters: RateLimiters) {
    this.#guesses = limiters.make({ name: 'guesses', points: FREE_GUESSES, seconds: REMEMBER_SECONDS });
    this.#gate = limiters.make({ name: 'gate', points: 1, seconds: LONGEST_WAIT_SECONDS });
  }

  /**
   * Runs a verification as one guess. Success forgets the guesses before it; InvalidCredentialsError leaves it counted;
   * any other failure (a store that is away) gives it back.
   *
   * @param subject what is guessed at: an account, known or not; stored as a hash only
   * @throws TooManyRequestsError while a wait lasts; whatever `verify` throws
   */
  async guess<T>(subject: string, verify: () => Promise<T>): Promise<T> {
    const key = createHash('sha256').update(subject).digest('base64url');
    const count = await this.#reserve(key);
    try {
      const result = await verify();
      await Promise.all([this.#guesses.delete(key), this.#gate.delete(key)]);
      return result;
    } catch (error) {
      if (!(error instanceof InvalidCredentialsError)) await this.#giveBack(key, count);
      // Verifying takes its time: the wait starts with the answer.
      else if (count > FREE_GUESSES) await this.#gate.set(key, 1, waitAfter(count));
      throw error;
    }
  }

  /** Counts a guess and tells the how-manyth it is; refused ones are not counted. */
  async #reserve(key: string): Promise<number> {
    const before = await this.#guesses.get(key);
    const counted = before && before.msBeforeNext > 0 ? before.consumedPoints : 0;
    if (counted >= FREE_GUESSES) await this.#passGate(key, counted + 1);
    const { consumedPoints } = await this.#guesses.penalty(key);
    if (counted < FREE_GUESSES && consumedPoints > FREE_GUESSES) await this.#passGateLate(key, consumedPoints);
    return consumedPoints;
  }

  async #passGate(key: string, count: number): Promise<void> {
    try {
      await this.#gate.consume(key, 1, { customDuration: waitAfter(count) });
    } catch (refusal) {
      throw refusal instanceof RateLimiterRes ? new TooManyRequestsError(waitSeconds(refusal)) : refusal;
    }
  }

  /** For guesses that were counted at once with others and so are no free ones after all. */
  async #passGateLate(key: string, count: number): Promise<void> {
    try {
      await this.#passGate(key, count);
    } catch (error) {
      await this.#guesses.reward(key);
      throw error;
    }
  }

  async #giveBack(key: string, count: number): Promise<void> {
    await this.#guesses.reward(key);
    if (count > FREE_GUESSES) await this.#gate.delete(key);
  }
}

function waitAfter(count: number): number {
  return Math.min(LONGEST_WAIT_SECONDS, 2 ** (count - FREE_GUESSES - 1));
}
