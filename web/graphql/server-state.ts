import { Store } from '../app/store.js';

/** How the server answers this page's requests: in time, late, or not at all. */
export type Answering = 'well' | 'late' | 'not';

const LATE_AFTER_MS = 2_500;
const GIVE_UP_AFTER_MS = 15_000;

/** Tracks the page's requests, so that every view can show that one is slow, has failed, or works again. */
export class ServerState {
  readonly store = new Store<Answering>('well');

  /** A tracked `fetch` with a timeout of 15 s. A status of 500 or above counts as no answer. */
  readonly fetch: typeof globalThis.fetch = async (input, init) => {
    const patience = new AbortController();
    const giveUp = (): void => patience.abort();
    const timers = [setTimeout(() => this.store.set('late'), LATE_AFTER_MS), setTimeout(giveUp, GIVE_UP_AFTER_MS)];
    init?.signal?.addEventListener('abort', giveUp);
    try {
      const response = await globalThis.fetch(input, { ...init, signal: patience.signal });
      const body = await response.text();
      this.store.set(response.status >= 500 ? 'not' : 'well');
      const { status, statusText, headers } = response;
      return new Response(body, { status, statusText, headers });
    } catch (error) {
      // A request that the page itself aborted says nothing about the server.
      if (!init?.signal?.aborted) this.store.set('not');
      throw error;
    } finally {
      for (const timer of timers) clearTimeout(timer);
      init?.signal?.removeEventListener('abort', giveUp);
    }
  };

  /** Called when the server is known to answer from elsewhere. */
  answered(): void {
    this.store.set('well');
  }
}
