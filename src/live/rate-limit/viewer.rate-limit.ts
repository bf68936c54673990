import { hash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { type RateLimiterAbstract, RateLimiterRes } from 'rate-limiter-flexible';
import { TooManyRequestsError, waitSeconds } from '../errors/sallyport.errors.js';
import { MINUTE, RateLimiters } from './rate-limiters.js';

/** A person does few of these: nodes tell each other from here on. */
const UNSHARED = 20;

/** How often one person may do a thing in a minute, from whatever address. docs/operations.md prints this table. */
export const VIEWER_LIMITS = {
  /** Sign-ins to one account from devices that it knows: right or wrong, they are not counted per address. */
  knownDeviceLogin: 60,
  /** Pages and tokens of the app proxy for one customer of a shop. */
  customerToken: 120,
} as const;

/** A thing that is counted per person. */
export type ViewerAction = keyof typeof VIEWER_LIMITS;

/** Counts what one person does, where that is known before it is done. */
@Injectable()
export class ViewerRateLimit {
  readonly #limiters: ReadonlyMap<ViewerAction, RateLimiterAbstract>;

  constructor(limiters: RateLimiters) {
    const actions = Object.entries(VIEWER_LIMITS) as [ViewerAction, number][];
    this.#limiters = new Map(
      actions.map(([name, points]) => [name, limiters.make({ name, points, seconds: MINUTE, unshared: UNSHARED })]),
    );
  }

  /**
   * Counts one action, before it is done.
   *
   * @param who an account or a viewer; kept as a hash only
   * @throws TooManyRequestsError when this person has had their share
   */
  async count(action: ViewerAction, who: string): Promise<void> {
    const key = hash('sha256', who, 'base64url');
    try {
      await this.#limiters.get(action)?.consume(key);
    } catch (refusal) {
      throw refusal instanceof RateLimiterRes
        ? new TooManyRequestsError(waitSeconds(refusal.msBeforeNext), undefined, 'viewer')
        : refusal;
    }
  }
}
