import type { ApolloClient } from '@apollo/client';
import { Store } from '../app/store.js';
import { LOGOUT, ME, type User } from '../graphql/operations.js';
import { Tabs } from './tabs.js';

/** Why the user was signed out. */
export type SignOutReason = 'signed-out' | 'ended' | 'deleted';

/** Whether a user is signed in, as far as this page knows. */
export type AuthState =
  | { readonly phase: 'asking' }
  | { readonly phase: 'unreachable' }
  | { readonly phase: 'signedOut'; readonly signOutReason: SignOutReason | null }
  | { readonly phase: 'signedIn'; readonly user: User };

const FIRST_RETRY_MS = 1_000;
const LAST_RETRY_MS = 15_000;
const RECHECK_EVERY_MS = 5_000;

/** Tracks whether a user is signed in: asks the server at start and whenever this may have changed. */
export class AuthStore {
  readonly store = new Store<AuthState>({ phase: 'asking' });
  readonly #tabs = new Tabs(() => void this.ask());
  #retryMs = FIRST_RETRY_MS;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #question = 0;
  #rechecking = false;
  #recheckedAtMs = -Infinity;
  /** Called when there is still a session, perhaps a new one. Set by the backend. */
  onConfirmed: () => void = () => {};

  constructor(private readonly apollo: ApolloClient) {
    window.addEventListener('pageshow', ({ persisted }) => {
      if (persisted) window.location.reload();
    });
  }

  /**
   * Asks the server who is signed in, and retries while it does not answer. Meanwhile the page stays as it is, so that a
   * form keeps what was typed; a page that was never answered says so.
   */
  async ask(): Promise<void> {
    clearTimeout(this.#retry);
    const question = ++this.#question;
    try {
      const { data } = await this.apollo.query({ query: ME, fetchPolicy: 'no-cache' });
      if (question !== this.#question) return;
      this.#retryMs = FIRST_RETRY_MS;
      this.#learn(data?.me?.user ?? null);
    } catch {
      if (question !== this.#question) return;
      if (this.store.value.phase === 'asking') this.store.set({ phase: 'unreachable' });
      this.askAgain();
      this.#retryMs = Math.min(LAST_RETRY_MS, this.#retryMs * 2);
    }
  }

  /** Asks again after a delay, which grows while the server does not answer: 1 to 15 s. */
  askAgain(): void {
    this.#askIn(this.#retryMs);
  }

  /**
   * The socket was closed because the session ended: checks this, and calls `onConfirmed` if there is still a session,
   * at most every 5 s.
   */
  recheck(): void {
    this.#rechecking = true;
    const pauseMs = Math.max(0, this.#recheckedAtMs + RECHECK_EVERY_MS - performance.now());
    this.#recheckedAtMs = performance.now() + pauseMs;
    this.#askIn(pauseMs);
  }

  /** A user has signed in or registered on this page. */
  signedIn(user: User): void {
    this.#outdate();
    this.store.set({ phase: 'signedIn', user });
    this.#tabs.tell();
  }

  /** Signs out. Rejects when the server does not answer; the user then stays signed in. */
  async signOut(): Promise<void> {
    await this.apollo.mutate({ mutation: LOGOUT });
    this.signedOut('signed-out');
  }

  /** The user has signed out on this page. */
  signedOut(signOutReason: SignOutReason): void {
    this.#forget(signOutReason);
    this.#tabs.tell();
  }

  /** Removes the user's data from the page, the cache and the URL. */
  #forget(signOutReason: SignOutReason): void {
    this.#outdate();
    window.history.replaceState(null, '', '/');
    this.store.set({ phase: 'signedOut', signOutReason });
    void this.apollo.clearStore();
  }

  #askIn(ms: number): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => void this.ask(), ms);
  }

  /** The server has said who is signed in now: pending responses are outdated, and it answers. */
  #outdate(): void {
    this.#question += 1;
    this.#retryMs = FIRST_RETRY_MS;
    clearTimeout(this.#retry);
  }

  #learn(user: User | null): void {
    const now = this.store.value;
    const rechecked = this.#rechecking;
    this.#rechecking = false;
    if (user && now.phase === 'signedIn' && now.user.id === user.id) {
      if (rechecked) this.onConfirmed();
      return;
    }
    if (user) {
      // Another user has signed in elsewhere in this browser.
      if (now.phase === 'signedIn') void this.apollo.clearStore();
      this.store.set({ phase: 'signedIn', user });
    } else if (now.phase === 'signedIn') this.#forget('ended');
    else if (now.phase !== 'signedOut') this.store.set({ phase: 'signedOut', signOutReason: null });
  }
}
