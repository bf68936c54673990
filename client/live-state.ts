import { CloseCode as GraphqlWsCode } from 'graphql-ws/client';
import { CloseCode } from '../src/protocol/close-code.js';
import { callApplication, isOnline } from './platform.js';

/**
 * - `idle`: nothing is subscribed to, no connection
 * - `connecting`: the first connection is being opened
 * - `live`: events arrive as they are published
 * - `reconnecting`: the connection was lost, or the server has not answered on it for 2 s; subscriptions resume where
 *   they were
 * - `offline`: the browser has no network; reconnects when it has
 * - `signedOut`: the session has ended, or the user is not signed in; the client waits for the next `subscribe`
 * - `stopped`: the server refused permanently, which is a bug in the page
 */
export type LiveState = 'idle' | 'connecting' | 'live' | 'reconnecting' | 'offline' | 'signedOut' | 'stopped';

/** The codes of RFC 6455 after which graphql-ws retries; it stops after all others below 2000. */
const RETRIED_CODES = new Set<number>([1000, 1001, 1005, 1006, 1012, 1013, 1014]);

/** The other codes after which graphql-ws stops, except for sign-out. */
const FINAL_CODES = new Set<number>([
  CloseCode.BadRequest,
  CloseCode.SubscriberAlreadyExists,
  CloseCode.TooManyInitialisationRequests,
  GraphqlWsCode.BadResponse,
  GraphqlWsCode.InternalClientError,
  GraphqlWsCode.SubprotocolNotAcceptable,
]);

function isFinal(code: number): boolean {
  return (code < 2000 && !RETRIED_CODES.has(code)) || FINAL_CODES.has(code);
}

/** Derives the state that a page shows from what happens to the connections. */
export class LiveStates {
  #now: LiveState = 'idle';
  #wasLive = false;

  constructor(private readonly onState: (state: LiveState) => void = () => {}) {}

  get now(): LiveState {
    return this.#now;
  }

  /** A connection is being opened, or would be with a network. */
  opening(): void {
    if (!isOnline()) this.#become('offline');
    else this.#become(this.#wasLive ? 'reconnecting' : 'connecting');
  }

  /** The server has acknowledged. */
  live(): void {
    this.#wasLive = true;
    this.#become('live');
  }

  /** The server does not answer on the connection, so events do not arrive. */
  suspected(): void {
    if (this.#now === 'live') this.opening();
  }

  /**
   * A connection has ended, or could not be opened.
   *
   * @param isWanted whether there is a subscription that needs another one
   */
  closed(code: number, isWanted: boolean): void {
    if (code === CloseCode.Unauthorized) this.#leave('signedOut');
    else if (isFinal(code)) this.#leave('stopped');
    else if (isWanted) this.opening();
    else this.#leave('idle');
  }

  /** No subscription is left, and there is no connection. */
  unwanted(): void {
    if (this.#now === 'connecting' || this.#now === 'reconnecting' || this.#now === 'offline') this.#leave('idle');
  }

  #leave(state: LiveState): void {
    this.#wasLive = false;
    this.#become(state);
  }

  #become(state: LiveState): void {
    if (state === this.#now) return;
    this.#now = state;
    callApplication(() => this.onState(state));
  }
}
