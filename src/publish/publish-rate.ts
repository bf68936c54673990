import { Inject, Injectable } from '@nestjs/common';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { TooManyRequestsError } from '../errors/sallyport.errors.js';
import { RedisConnection } from '../redis/redis.connection.js';
import type { ApiKey } from './api-key.store.js';

/** What one key may publish in ten seconds, over all nodes. */
const EVENTS = 1_000_000;
const WINDOW_SECONDS = 10;
/** What a request counts at least, in events: an almost empty one is not free. */
const LEAST_PER_REQUEST = 20;

/**
 * Keeps one key from taking everything: a million events in ten seconds over all nodes, each request counting as 20 at least.
 * Requests are counted while they are served, not before: the one that goes over the limit still passes, the next ones do not.
 */
@Injectable()
export class PublishRate {
  readonly #limiter: RateLimiterMemory | RateLimiterRedis;
  /** Keys that are over their rate, by id: when they may go on, in ms since the epoch. */
  readonly #waiting = new Map<string, number>();

  constructor(@Inject(RedisConnection) redis: RedisConnection | null) {
    const limits = { keyPrefix: 'sallyport:publish-rate', points: EVENTS, duration: WINDOW_SECONDS };
    this.#limiter = redis
      ? new RateLimiterRedis({ ...limits, storeClient: redis.client })
      : new RateLimiterMemory(limits);
  }

  /**
   * Counts a request with so many events.
   *
   * @throws TooManyRequestsError when the key is over its rate
   */
  spend(key: ApiKey, events: number): void {
    const leftMs = (this.#waiting.get(key.id) ?? 0) - Date.now();
    if (leftMs > 0)
      throw new TooManyRequestsError(
        Math.ceil(leftMs / 1000),
        'This key publishes too fast: wait and send the same again.',
      );
    this.#waiting.delete(key.id);
    this.#limiter.consume(key.id, Math.max(events, LEAST_PER_REQUEST)).catch((error: unknown) => {
      // Anything else means that the counters are away, and then so is the bus.
      if (error instanceof RateLimiterRes) this.#waiting.set(key.id, Date.now() + error.msBeforeNext);
    });
  }
}
