import { Injectable } from '@nestjs/common';
import DataLoader from 'dataloader';
import type { SessionClaim, Standing } from './session.js';
import { SessionStore } from './session.store.js';

const MAX_BATCH = 500;
/** In a storm, how long look-ups gather between two queries, in milliseconds. The first of a calm goes at once. */
const GATHER_MS = 5;

/**
 * Whether the session and the account that a token names are still there. Sockets that open together share look-ups:
 * while one query is under way, and for 5 ms from its start, the next ones gather and go as one batch.
 * Nothing is remembered between them.
 */
@Injectable()
export class SessionLookup {
  readonly #loader: DataLoader<SessionClaim, Standing>;
  #askedAtMs = -Infinity;
  #underWay = 0;
  readonly #gathered: (() => void)[] = [];

  constructor(private readonly store: SessionStore) {
    this.#loader = new DataLoader((claims) => this.#ask(claims), {
      cache: false,
      maxBatchSize: MAX_BATCH,
      batchScheduleFn: (dispatch) => {
        if (this.#underWay > 0) this.#gathered.push(dispatch);
        else this.#schedule(dispatch);
      },
    });
  }

  /**
   * Asks the database, never a cache.
   *
   * @throws UnavailableError when the database is away
   */
  standingOf(claim: SessionClaim): Promise<Standing> {
    return this.#loader.load(claim);
  }

  async #ask(claims: readonly SessionClaim[]): Promise<Standing[]> {
    this.#underWay += 1;
    this.#askedAtMs = performance.now();
    try {
      return await this.store.standings(claims);
    } finally {
      this.#underWay -= 1;
      for (const dispatch of this.#gathered.splice(0)) this.#schedule(dispatch);
    }
  }

  #schedule(dispatch: () => void): void {
    const restMs = this.#askedAtMs + GATHER_MS - performance.now();
    if (restMs > 0) setTimeout(dispatch, restMs);
    else setImmediate(dispatch);
  }
}
