import { Inject, Injectable } from '@nestjs/common';
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { TooManyRequestsError, UnavailableError } from '../errors/sallyport.errors.js';
import { RedisConnection } from '../redis/redis.connection.js';
import type { ApiKey } from './api-key.store.js';

/** What one key may publish in ten seconds, over all nodes. */
const EVENTS = 1_000_000;
const WINDOW_SECONDS = 10;
/** What a request counts at least, in events: an almost empty one is not free. */
const LEAST_PER_REQUEST = 20;

/** Keeps one key from taking everything: a million events in ten seconds, each request counting as 20 at least. */
@Injectable()
export class PublishRate {
  readonly #limiter: RateLimiterMemory | RateLimiterRedis;

  constructor(@Inject(RedisConnection) redis: RedisConnection | null) {
    const limits = { keyPrefix: 'sallyport:publish-rate', points: EVENTS, duration: WINDOW_SECONDS };
    this.#limiter = redis
      ? new RateLimiterRedis({ ...limits, storeClient: redis.client, inMemoryBlockOnConsumed: EVENTS })
      : new RateLimiterMemory(limits);
  }

  /**
   * Counts a request with so many events.
   *
   * @throws TooManyRequestsError when the key is over its rate
   * @throws UnavailableError when the store of counters is away
   */
  async spend(key: ApiKey, events: number): Promise<void> {
    try {
      await this.#limiter.consume(key.id, Math.max(events, LEAST_PER_REQUEST));
    } catch (error) {
      if (!(error instanceof RateLimiterRes)) throw new UnavailableError();
      const retryAfterSeconds = Math.max(1, Math.ceil(error.msBeforeNext / 1000));
      throw new TooManyRequestsError(retryAfterSeconds, 'This key publishes too fast: wait and send the same again.');
    }
  }
}
