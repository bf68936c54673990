import { Injectable } from '@nestjs/common';
import { TooManyRequestsError, UnavailableError } from '../../live/errors/sallyport.errors.js';
import { RateLimitMetrics } from '../../live/rate-limit/rate-limit.metrics.js';
import type { ApiKey } from '../../identity/api-keys/api-key.store.js';

const MEBIBYTE = 1024 * 1024;
/** The limit for one key's bodies that are being read and published, in bytes. */
const MAX_BYTES_OF_KEY = 16 * MEBIBYTE;
/** The limit for all keys on this node. A body takes several times its size while it is parsed and published. */
const MAX_BYTES = 4 * MAX_BYTES_OF_KEY;
/** Bodies are in memory only as long as a request takes, so retries can be soon. */
const RETRY_AFTER_SECONDS = 1;

/** Limits the memory of concurrent requests to publish, per key and for the node. */
@Injectable()
export class HeldBodies {
  readonly #byKey = new Map<string, number>();
  #total = 0;

  constructor(private readonly metrics: RateLimitMetrics) {}

  /**
   * Reserves memory for a body before it is read.
   *
   * @returns a function that releases the bytes; call it once, when the request has been answered
   * @throws TooManyRequestsError when this key is over its limit
   * @throws UnavailableError when all keys together are over the limit
   */
  hold(key: ApiKey, bytes: number): () => void {
    const held = this.#byKey.get(key.id) ?? 0;
    if (held + bytes > MAX_BYTES_OF_KEY) {
      this.metrics.refused('publishUnderWay');
      throw new TooManyRequestsError(
        RETRY_AFTER_SECONDS,
        'Too much is in progress with this key: wait for responses, then send the same again.',
        'key',
      );
    }
    if (this.#total + bytes > MAX_BYTES)
      throw new UnavailableError('Too much is being published at the same time: send the same events again.');
    this.#add(key, bytes);
    return () => this.#add(key, -bytes);
  }

  #add({ id }: ApiKey, bytes: number): void {
    const held = (this.#byKey.get(id) ?? 0) + bytes;
    if (held > 0) this.#byKey.set(id, held);
    else this.#byKey.delete(id);
    this.#total += bytes;
  }
}
