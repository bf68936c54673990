import { Injectable } from '@nestjs/common';
import { TooManyRequestsError, UnavailableError } from '../../live/errors/sallyport.errors.js';
import type { ApiKey } from '../../identity/api-keys/api-key.store.js';

const MEBIBYTE = 1024 * 1024;
/** What the bodies of one key may be together while they are read and published, in bytes. */
const MAX_BYTES_OF_KEY = 16 * MEBIBYTE;
/** The same of all keys on this node. A body takes several times its size while it is parsed and published. */
const MAX_BYTES = 4 * MAX_BYTES_OF_KEY;
/** Bodies are held for as long as a request takes: a moment. */
const RETRY_AFTER_SECONDS = 1;

/** Bounds what requests to publish hold in memory at the same time, for each key and for the node. */
@Injectable()
export class HeldBodies {
  readonly #byKey = new Map<string, number>();
  #total = 0;

  /**
   * Takes room for a body before it is read.
   *
   * @returns releases the bytes; to be called once, when the request has been answered
   * @throws TooManyRequestsError when this key holds too much already
   * @throws UnavailableError when all keys together do
   */
  hold(key: ApiKey, bytes: number): () => void {
    const held = this.#byKey.get(key.id) ?? 0;
    if (held + bytes > MAX_BYTES_OF_KEY)
      throw new TooManyRequestsError(
        RETRY_AFTER_SECONDS,
        'This key has too much under way at the same time: wait for answers and send the same again.',
      );
    if (this.#total + bytes > MAX_BYTES)
      throw new UnavailableError('Too much is being published here at the same time: send the same again.');
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
