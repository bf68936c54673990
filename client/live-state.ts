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

/** 'Bad response', 'Internal client error' and 'Subprotocol not acceptable': graphql-ws closes with these itself. */
const OF_THE_CLIENT = [4004, 4005, 4406];

/** Close codes after which graphql-ws stops, except for sign-out. */
const FINAL_CODES = new Set<number>([
  CloseCode.ProtocolError,
  CloseCode.InvalidPayload,
  CloseCode.PolicyViolation,
  CloseCode.MessageTooBig,
  CloseCode.BadRequest,
  CloseCode.SubscriberAlreadyExists,
  CloseCode.TooManyInitialisationRequests,
  ...OF_THE_CLIENT,
]);

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
    if (code === CloseCode.Normal) this.#leave('idle');
    else if (code === CloseCode.Unauthorized) this.#leave('signedOut');
    else if (FINAL_CODES.has(code)) this.#leave('stopped');
    else if (isWanted) this.opening();
    else this.#leave('idle');
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
