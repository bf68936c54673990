import { Injectable } from '@nestjs/common';
import { RateLimiterRes } from 'rate-limiter-flexible';
import { TooManyRequestsError, waitSeconds } from '../errors/sallyport.errors.js';
import { RateLimitMetrics } from '../rate-limit/rate-limit.metrics.js';
import { type RateLimiter, RateLimiters } from '../rate-limit/rate-limiters.js';

/** What one key may publish in ten seconds, over all nodes; documented in docs/operations.md and PROTOCOL.md. */
const PUBLISH_LIMITS = { events: 1_000_000, mebibytes: 128 } as const;
const WINDOW_SECONDS = 10;
/** The minimum count of a request, in events, since an almost empty one is not free. */
const LEAST_PER_REQUEST = 20;
const MEBIBYTE = 1024 * 1024;

/** The publisher that is counted. */
export interface PublishingKey {
  readonly id: string;
}

/**
 * Limits each key to a million events and 128 MiB in ten seconds over all nodes, where each request counts as at least
 * 20 events. Requests are counted while they are served, not before: those in progress when the limit is reached still
 * pass, the next ones do not.
 */
@Injectable()
export class PublishRate {
  readonly #events: RateLimiter;
  readonly #bytes: RateLimiter;
  /** Keys that are over a limit, by id, with the time when they may continue, in ms on the monotonic clock. */
  readonly #waiting = new Map<string, number>();
  /** What each key has spent in this turn of the event loop, so that the checks of one request cost one command. */
  readonly #spent = new Map<RateLimiter, Map<string, number>>();

  constructor(
    limiters: RateLimiters,
    private readonly metrics: RateLimitMetrics,
  ) {
    const make = (name: string, points: number) => limiters.make({ name, points, seconds: WINDOW_SECONDS });
    this.#events = make('publish-rate', PUBLISH_LIMITS.events);
    this.#bytes = make('publish-bytes', PUBLISH_LIMITS.mebibytes * MEBIBYTE);
  }

  /**
   * Counts the body of a request, before it is read.
   *
   * @throws TooManyRequestsError when the key is over a limit
   */
  spendBytes(key: PublishingKey, bytes: number): void {
    this.#refuseWaiting(key);
    this.#consume(this.#bytes, key, Math.max(1, bytes));
  }

  /** Counts a body whose length {@link spendBytes} could not know: it is known once the body has been read. */
  spendMoreBytes(key: PublishingKey, bytes: number): void {
    this.#consume(this.#bytes, key, bytes);
  }

  /**
   * Counts a request with this number of events, or of viewers or events that it asks for.
   *
   * @throws TooManyRequestsError when the key is over a limit
   */
  spend(key: PublishingKey, events: number): void {
    this.#refuseWaiting(key);
    this.#consume(this.#events, key, Math.max(events, LEAST_PER_REQUEST));
  }

  /** Counts what a request asks for, of which {@link spend} has counted the least before it was read. */
  spendRest(key: PublishingKey, events: number): void {
    if (events > LEAST_PER_REQUEST) this.#consume(this.#events, key, events - LEAST_PER_REQUEST);
  }

  #refuseWaiting(key: PublishingKey): void {
    const leftMs = (this.#waiting.get(key.id) ?? 0) - performance.now();
    if (leftMs > 0) {
      this.metrics.refused('publish');
      const message = 'This key is over its rate limit: wait and send the same again.';
      throw new TooManyRequestsError(waitSeconds(leftMs), message, 'key');
    }
    this.#waiting.delete(key.id);
  }

  #consume(limiter: RateLimiter, { id }: PublishingKey, points: number): void {
    if (this.#spent.size === 0) setImmediate(() => this.#count());
    const byKey = this.#spent.get(limiter) ?? new Map<string, number>();
    this.#spent.set(limiter, byKey.set(id, (byKey.get(id) ?? 0) + points));
  }

  #count(): void {
    const spent = [...this.#spent];
    this.#spent.clear();
    for (const [limiter, byKey] of spent)
      for (const [id, points] of byKey)
        limiter.consume(id, points).catch((error: unknown) => {
          // Any other error means that the counters are unavailable, and then so is the bus.
          if (!(error instanceof RateLimiterRes)) return;
          // At most a window, however the clock of a store was set.
          this.#waiting.set(id, performance.now() + Math.min(error.msBeforeNext, WINDOW_SECONDS * 1000));
        });
  }
}
