import { Injectable } from '@nestjs/common';
import DataLoader from 'dataloader';
import type { SessionClaim, ClaimStatus } from './session.js';
import { SessionStore } from './session.store.js';

const MAX_BATCH = 500;
/**
 * Under load, how long lookups are collected after a query was sent, in milliseconds. After an idle period a query is
 * sent at once.
 */
const GATHER_MS = 20;
/** A batch of this size is sent at once: up to it, a query's cost hardly depends on the size. */
const ENOUGH = 64;

/**
 * Checks whether a token's session and account are still valid. Sockets that open at the same time share queries:
 * lookups are collected while a query is running, and then until 20 ms after its start or up to 64, and are sent as one
 * batch. Nothing is cached.
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
   * Queries the database, never a cache.
   *
   * @throws UnavailableError when the database is unavailable
   */
  statusOf(claim: SessionClaim): Promise<ClaimStatus> {
    const status = this.#loader.load(claim);
    if (++this.#gathered === ENOUGH) this.#schedule();
    return status;
  }

  async #ask(claims: readonly SessionClaim[]): Promise<ClaimStatus[]> {
    this.#underWay += 1;
    this.#askedAtMs = performance.now();
    try {
      return await this.store.statuses(claims);
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
    // The result's handler schedules the collected lookups.
    if (this.#underWay > 0) return;
    clearTimeout(this.#timer);
    this.#gathered = 0;
    for (const send of this.#batches.splice(0)) send();
  }
}
