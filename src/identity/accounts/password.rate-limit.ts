import { Injectable } from '@nestjs/common';
import { InvalidCredentialsError, TooManyRequestsError, waitSeconds } from '../../live/errors/sallyport.errors.js';
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
