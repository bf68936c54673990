import { Store } from '../app/store.js';

/** How the server answers this page's requests: in time, later than one expects, or not at all. */
export type Answering = 'well' | 'late' | 'not';

const LATE_AFTER_MS = 2_500;
const GIVE_UP_AFTER_MS = 15_000;

/** Watches the page's requests, so that every view can say that one is waited for, has failed, or works again. */
export class ServerState {
  readonly store = new Store<Answering>('well');
  /** Called when a request is late or has failed: is the connection still there, and who asks again? Set by the backend. */
  onTrouble: (answering: 'late' | 'not') => void = () => {};

  /** `fetch`, which is watched and gives up after 15 s. Answers with a status of 500 and above count as none. */
  readonly fetch: typeof globalThis.fetch = async (input, init) => {
    const patience = new AbortController();
    const giveUp = (): void => patience.abort();
    const timers = [setTimeout(() => this.#become('late'), LATE_AFTER_MS), setTimeout(giveUp, GIVE_UP_AFTER_MS)];
    init?.signal?.addEventListener('abort', giveUp);
    try {
      const response = await globalThis.fetch(input, { ...init, signal: patience.signal });
      const body = await response.text();
      this.#become(response.status >= 500 ? 'not' : 'well');
      const { status, statusText, headers } = response;
      return new Response(body, { status, statusText, headers });
    } catch (error) {
      // A request that the page itself took back tells nothing of the server.
      if (!init?.signal?.aborted) this.#become('not');
      throw error;
    } finally {
      for (const timer of timers) clearTimeout(timer);
      init?.signal?.removeEventListener('abort', giveUp);
    }
  };

  /** Something else has shown that the server answers. */
  answered(): void {
    this.#become('well');
  }

  #become(answering: Answering): void {
    if (answering === this.store.value) return;
    this.store.set(answering);
    if (answering !== 'well') this.onTrouble(answering);
  }
}
