import { Injectable } from '@nestjs/common';
import { InvalidCredentialsError, TooManyRequestsError, waitSeconds } from '../../live/errors/sallyport.errors.js';
import { AddressRateLimit } from '../../live/rate-limit/address.rate-limit.js';
import { FailureRateLimit } from '../../live/rate-limit/failure.rate-limit.js';
import { RateLimitMetrics } from '../../live/rate-limit/rate-limit.metrics.js';
import { ViewerRateLimit } from '../../live/rate-limit/viewer.rate-limit.js';
import { networkOf } from '../../live/viewer/client-address.js';
import { GuessCounter, type GuessVerdict } from '../../live/rate-limit/guess-counter.js';

/** The most guesses for one subject that wait on this node while others are verified. */
const MAX_WAITING = 64;

/** Guesses for one subject that are being verified on this node, and those that wait. */
interface UnderWay {
  verifying: number;
  waiting: (() => void)[];
}

/**
 * Slows down guessing one password: from the fifth wrong guess in a row each further one doubles the wait, from 1 s to
 * 15 min. A guess is counted before it is verified, so that fifty parallel guesses count as fifty. One that is refused
 * while others are being verified waits for them, so that an owner may sign in on many devices at once.
 */
@Injectable()
export class PasswordRateLimit {
  readonly #underWay = new Map<string, UnderWay>();

  constructor(
    private readonly counter: GuessCounter,
    private readonly metrics: RateLimitMetrics,
  ) {}

  /**
   * Runs a verification as one guess. Success resets the count; InvalidCredentialsError leaves it counted; any other
   * failure (an unavailable store, a full queue) uncounts it.
   *
   * @param subject the target: an account, existing or not, possibly with one device; stored as a hash only
   * @param address the client's address
   * @throws TooManyRequestsError during a wait; whatever `verify` throws
   */
  async guess<T>(subject: string, address: string, verify: () => Promise<T>): Promise<T> {
    const verdict = await this.#reserve(subject, networkOf(address));
    if (!verdict.ok) {
      this.metrics.refused('guesses');
      throw new TooManyRequestsError(waitSeconds(verdict.waitMs), undefined, 'account');
    }
    let isRight = false;
    try {
      const result = await verify();
      await this.counter.right(subject);
      isRight = true;
      return result;
    } catch (error) {
      if (error instanceof InvalidCredentialsError) await this.counter.wrong(subject, verdict.count);
      else await this.counter.cancel(subject, verdict.count);
      throw error;
    } finally {
      this.#settle(subject, isRight);
    }
  }

  async #reserve(subject: string, network: string): Promise<GuessVerdict> {
    for (;;) {
      const verdict = await this.counter.reserve(subject, network);
      const underWay = this.#underWay.get(subject);
      if (verdict.ok) {
        if (underWay) underWay.verifying += 1;
        else this.#underWay.set(subject, { verifying: 1, waiting: [] });
        return verdict;
      }
      if (!underWay || underWay.waiting.length >= MAX_WAITING) return verdict;
      await new Promise<void>((resolve) => underWay.waiting.push(resolve));
    }
  }

  /** Those that wait try again after a right guess, which resets the count, or when no other is left. */
  #settle(subject: string, isRight: boolean): void {
    const underWay = this.#underWay.get(subject);
    if (!underWay) return;
    underWay.verifying -= 1;
    if (underWay.verifying === 0) this.#underWay.delete(subject);
    if (!isRight && underWay.verifying > 0) return;
    for (const goOn of underWay.waiting.splice(0)) goOn();
  }
}

/** The client that presents a password. */
export interface PasswordSource {
  /** The client's address. */
  readonly address: string;
  /** The id of a device or session that has signed in to this account before; null for unknown clients. */
  readonly known: string | null;
}

/** All limits that a password must pass before it is verified; docs/decisions/throttling.md explains each. */
@Injectable()
export class CredentialRateLimit {
  constructor(
    private readonly addresses: AddressRateLimit,
    private readonly failures: FailureRateLimit,
    private readonly viewers: ViewerRateLimit,
    private readonly passwords: PasswordRateLimit,
  ) {}

  /**
   * Runs the verification of a sign-in. Unknown clients are counted per address and per account, whether the account
   * exists or not. Known devices and sessions are counted separately, so that others cannot lock them out.
   *
   * @param email normalised, or the entered text if it is not an e-mail
   * @throws TooManyRequestsError; whatever `verify` throws
   */
  async signIn<T>(email: string, { address, known }: PasswordSource, verify: () => Promise<T>): Promise<T> {
    if (known !== null) {
      await this.viewers.count('knownDeviceLogin', email);
      return this.passwords.guess(`known ${known} ${email}`, address, verify);
    }
    await this.addresses.count('login', address);
    const guess = () => this.passwords.guess(`login ${email}`, address, verify);
    return this.failures.attempt(
      'failedLogin',
      address,
      guess,
      (outcome) => 'error' in outcome && outcome.error instanceof InvalidCredentialsError,
    );
  }

  /** Counts a registration. @throws TooManyRequestsError */
  async register(address: string): Promise<void> {
    await this.addresses.count('register', address);
  }

  /**
   * Verifies the password of a signed-in account, counted separately from sign-ins, so that others who guess cannot
   * prevent the owner from changing it.
   *
   * @throws TooManyRequestsError; whatever `verify` throws
   */
  async confirm<T>(userId: string, address: string, verify: () => Promise<T>): Promise<T> {
    await this.addresses.count('password', address);
    return this.passwords.guess(`confirm ${userId}`, address, verify);
  }
}
