import { availableParallelism } from 'node:os';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { hash, verify } from '@node-rs/argon2';
import { UnavailableError } from '../../live/errors/sallyport.errors.js';
import { type HashingClaim, HashingQueue } from './hashing-queue.js';

/** OWASP's password storage cheat sheet: argon2id (the library's default) with 19 MiB, two passes, one lane. */
const PARAMETERS = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };
/** The PHC string's parameters, as its specification writes them. */
const PHC_PARAMETERS = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=\d+\$/;
/** Hashing runs on libuv's pool of four threads; one stays free for file access and DNS. */
const PARALLEL = Math.max(1, Math.min(3, availableParallelism()));
/** About two seconds of work for two cores; further requests are refused. */
const MAX_WAITING = 64;

/**
 * Hashes and verifies passwords with argon2id. Parallel work and the queue are bounded: memory stays at 19 MiB × {@link
 * PARALLEL} for any number of concurrent sign-ins.
 */
@Injectable()
export class PasswordHasher implements OnModuleInit {
  /** One more slot, reserved for known devices, because unknown clients can fill the others. */
  readonly #queue = new HashingQueue(PARALLEL + 1, MAX_WAITING);
  #running = 0;
  readonly #waiting: (() => void)[] = [];
  #dummy: Promise<string> | undefined;

  /** Creates the dummy hash before the first request, which would otherwise take longer than the others. */
  async onModuleInit(): Promise<void> {
    await this.#dummyHash();
  }

  /**
   * Runs work that hashes or verifies passwords when it is its turn, or refuses it beforehand: in a flood, requests
   * that find the queue full do not even reach the database.
   *
   * @param claim the client; see {@link HashingQueue}
   * @throws UnavailableError when the queue is full; whatever `work` throws
   */
  admit<T>(claim: HashingClaim, work: () => Promise<T>): Promise<T> {
    return this.#queue.run(claim, work);
  }

  /**
   * Creates the PHC string to store.
   *
   * @throws UnavailableError when the queue is full
   */
  hash(password: string): Promise<string> {
    return this.#inTurn(() => hash(password, PARAMETERS));
  }

  /**
   * Whether a password matches a stored PHC string. Without one (no such account) the same work is done on a dummy hash
   * with the current parameters, and the result is false.
   *
   * @throws UnavailableError when the queue is full
   */
  async verify(stored: string | null, password: string): Promise<boolean> {
    const against = stored ?? (await this.#dummyHash());
    const matches = await this.#inTurn(() => verify(against, password));
    return matches && stored !== null;
  }

  /** Whether a stored PHC string has weaker than the current parameters, so that it is rehashed at the next sign-in. */
  isOutdated(stored: string): boolean {
    const [, memoryCost = 0, timeCost = 0] = PHC_PARAMETERS.exec(stored)?.map(Number) ?? [];
    return memoryCost < PARAMETERS.memoryCost || timeCost < PARAMETERS.timeCost;
  }

  #dummyHash(): Promise<string> {
    return (this.#dummy ??= hash('nobody has this password', PARAMETERS));
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running < PARALLEL) this.#running += 1;
    else if (this.#waiting.length >= MAX_WAITING) throw new UnavailableError();
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running -= 1;
    }
  }
}
