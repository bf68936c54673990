import { Injectable } from '@nestjs/common';
import DataLoader from 'dataloader';
import type { SessionClaim, ClaimStatus } from './session.js';
import { SessionStore } from './session.store.js';

const MAX_BATCH = 500;
/** In a storm, how long look-ups gather after a query was sent, in milliseconds. A query after a quiet period is sent at once. */
const GATHER_MS = 20;
/** As many need not gather for longer: up to here, a query costs about the same however many it asks for. */
const ENOUGH = 64;

/**
 * Whether the session and the account that a token names are still there. Sockets that open together share look-ups:
 * while one query is under way, and then until 20 ms from its start or 64 of them, the next ones gather and go as one batch.
 * Nothing is remembered between them.
 */
@Injectable()
export class SessionLookup {
  readonly #loader: DataLoader<SessionClaim, ClaimStatus>;
  readonly #batches: (() => void)[] = [];
  #gathered = 0;
  #askedAtMs = -Infinity;
  #underWay = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly store: SessionStore) {
    this.#loader = new DataLoader((claims) => this.#ask(claims), {
      cache: false,
      maxBatchSize: MAX_BATCH,
      batchScheduleFn: (send) => {
        this.#batches.push(send);
        this.#schedule();
      },
    });
  }

  /**
   * Asks the database, never a cache.
   *
   * @throws UnavailableError when the database is unavailable
   */
  statusOf(claim: SessionClaim): Promise<ClaimStatus> {
    const standing = this.#loader.load(claim);
    if (++this.#gathered === ENOUGH) this.#schedule();
    return standing;
  }

  async #ask(claims: readonly SessionClaim[]): Promise<ClaimStatus[]> {
    this.#underWay += 1;
    this.#askedAtMs = performance.now();
    try {
      return await this.store.standings(claims);
    } finally {
      this.#underWay -= 1;
      if (this.#batches.length > 0) this.#schedule();
    }
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    const restMs = this.#gathered < ENOUGH ? this.#askedAtMs + GATHER_MS - performance.now() : 0;
    if (restMs > 0) this.#timer = setTimeout(() => this.#send(), restMs);
    else setImmediate(() => this.#send());
  }

  #send(): void {
    // The answer schedules what has gathered until then.
    if (this.#underWay > 0) return;
    clearTimeout(this.#timer);
    this.#gathered = 0;
    for (const send of this.#batches.splice(0)) send();
  }
}
