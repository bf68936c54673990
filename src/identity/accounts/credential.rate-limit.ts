import { Injectable } from '@nestjs/common';
import { InvalidCredentialsError, TooManyRequestsError, waitSeconds } from '../../live/errors/sallyport.errors.js';
import { AddressRateLimit } from '../../live/rate-limit/address.rate-limit.js';
import { FailureRateLimit } from '../../live/rate-limit/failure.rate-limit.js';
import { ViewerRateLimit } from '../../live/rate-limit/viewer.rate-limit.js';
import { networkOf } from '../../live/viewer/client-address.js';
import { GuessCounter } from '../../live/rate-limit/guess-counter.js';

/**
 * Makes guessing at one password slow: from the fifth wrong guess in a row each one costs twice the wait of the one
 * before, from 1 s to 15 min. A guess is counted before it is verified, so that fifty at once are fifty guesses.
 */
@Injectable()
export class PasswordRateLimit {
  constructor(private readonly counter: GuessCounter) {}

  /**
   * Runs a verification as one guess. Success forgets the guesses before it; InvalidCredentialsError leaves it counted;
   * any other failure (a store that is away, a full queue) gives it back.
   *
   * @param subject what is guessed at: an account, known or not, perhaps by one device; stored as a hash only
   * @param address where the guess comes from
   * @throws TooManyRequestsError while a wait lasts; whatever `verify` throws
   */
  async guess<T>(subject: string, address: string, verify: () => Promise<T>): Promise<T> {
    const verdict = await this.counter.reserve(subject, networkOf(address));
    if (!verdict.ok) throw new TooManyRequestsError(waitSeconds(verdict.waitMs), undefined, 'account');
    try {
      const result = await verify();
      await this.counter.right(subject);
      return result;
    } catch (error) {
      if (error instanceof InvalidCredentialsError) await this.counter.wrong(subject, verdict.count);
      else await this.counter.giveBack(subject, verdict.count);
      throw error;
    }
  }
}

/** Where a password comes from. */
export interface PasswordSource {
  /** The client's address. */
  readonly address: string;
  /** What has signed in to this very account before (a device, a live session), by an id of its own; null for strangers. */
  readonly known: string | null;
}

/** Every limit that a password must pass before it is verified; docs/decisions/throttling.md says why each is there. */
@Injectable()
export class CredentialRateLimit {
  constructor(
    private readonly addresses: AddressRateLimit,
    private readonly failures: FailureRateLimit,
    private readonly viewers: ViewerRateLimit,
    private readonly passwords: PasswordRateLimit,
  ) {}

  /**
   * Runs the verification of a sign-in. Strangers are counted per address and per account, whether there is such an account
   * or not. What is known to the account is counted by itself alone: strangers who guess cannot keep it out.
   *
   * @param email in its normalised spelling, or the text that is no e-mail
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
   * Verifies the password of a signed-in account, counted apart from sign-ins: strangers who guess
   * cannot keep the owner from changing the password.
   *
   * @throws TooManyRequestsError; whatever `verify` throws
   */
  async confirm<T>(userId: string, address: string, verify: () => Promise<T>): Promise<T> {
    await this.addresses.count('password', address);
    return this.passwords.guess(`confirm ${userId}`, address, verify);
  }
}
