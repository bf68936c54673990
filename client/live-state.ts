import { CloseCode } from '../src/protocol/close-code.js';
import { isOnline } from './platform.js';

/**
 * - `idle`: nothing is subscribed to, no connection
 * - `connecting`: the first connection is being made
 * - `live`: values come as they are published
 * - `reconnecting`: the connection was lost, or the server has not answered on it for 2 s; subscriptions go on where they were
 * - `offline`: the browser has no network; goes on when it has
 * - `signedOut`: the session has ended, or nobody is signed in; nothing is tried until the next `subscribe`
 * - `stopped`: the server refused for good, which is a fault in this page
 */
export type LiveState = 'idle' | 'connecting' | 'live' | 'reconnecting' | 'offline' | 'signedOut' | 'stopped';

/** Close codes after which graphql-ws tries no more, sign-out apart. */
const FINAL_CODES = new Set<number>([
  CloseCode.ProtocolError,
  CloseCode.InvalidPayload,
  CloseCode.PolicyViolation,
  CloseCode.MessageTooBig,
  CloseCode.BadRequest,
  CloseCode.SubscriberAlreadyExists,
  CloseCode.TooManyInitialisationRequests,
]);

/** Turns what happens to the connections into the one word that a page shows. */
export class LiveStates {
  #now: LiveState = 'idle';
  #wasLive = false;

  constructor(private readonly onState: (state: LiveState) => void = () => {}) {}

  get now(): LiveState {
    return this.#now;
  }

  /** A connection is being made, or would be if there were a network. */
  opening(): void {
    if (!isOnline()) this.#become('offline');
    else this.#become(this.#wasLive ? 'reconnecting' : 'connecting');
  }

  /** The server has acknowledged. */
  live(): void {
    this.#wasLive = true;
    this.#become('live');
  }

  /** The server does not answer on the connection: what is published does not come. */
  suspected(): void {
    if (this.#now === 'live') this.opening();
  }

  /** A connection is over, or none came of it. */
  closed(code: number): void {
    if (code === CloseCode.Normal) this.#leave('idle');
    else if (code === CloseCode.Unauthorized) this.#leave('signedOut');
    else if (FINAL_CODES.has(code)) this.#leave('stopped');
    else this.opening();
  }

  #leave(state: LiveState): void {
    this.#wasLive = false;
    this.#become(state);
  }

  #become(state: LiveState): void {
    if (state === this.#now) return;
    this.#now = state;
    this.onState(state);
  }
}
