import { hash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { RateLimiterRes } from 'rate-limiter-flexible';
import { TooManyRequestsError, waitSeconds } from '../errors/sallyport.errors.js';
import { RateLimitMetrics } from './rate-limit.metrics.js';
import { MINUTE_SECONDS, type RateLimiter, RateLimiters } from './rate-limiters.js';

/** These actions are rare, so nodes share a count only above this. */
const UNSHARED = 20;

/** How often one viewer may do each action per minute, from any address. docs/operations.md has the same table. */
export const VIEWER_LIMITS = {
  /** Sign-ins to one account from known devices, successful or not; these are not counted per address. */
  knownDeviceLogin: 60,
  /** Pages and tokens of the app proxy for one customer of a shop. */
  customerToken: 120,
} as const;

/** An action that is counted per viewer. */
export type ViewerAction = keyof typeof VIEWER_LIMITS;

/** Counts the actions of one viewer, if the viewer is known beforehand. */
@Injectable()
export class ViewerRateLimit {
  readonly #limiters: ReadonlyMap<ViewerAction, RateLimiter>;

  constructor(
    limiters: RateLimiters,
    private readonly metrics: RateLimitMetrics,
  ) {
    const actions = Object.entries(VIEWER_LIMITS) as [ViewerAction, number][];
    this.#limiters = new Map(
      actions.map(([name, points]) => [
        name,
        limiters.make({ name, points, seconds: MINUTE_SECONDS, unshared: UNSHARED }),
      ]),
    );
  }

  /**
   * Counts one action, before it is done.
   *
   * @param who an account or a viewer; kept as a hash only
   * @throws TooManyRequestsError when this viewer has reached the limit
   */
  async count(action: ViewerAction, who: string): Promise<void> {
    const key = hash('sha256', who, 'base64url');
    try {
      await this.#limiters.get(action)?.consume(key);
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) throw refusal;
      this.metrics.refused(action);
      throw new TooManyRequestsError(waitSeconds(refusal.msBeforeNext), undefined, 'viewer');
    }
  }
}
