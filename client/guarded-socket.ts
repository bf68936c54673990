import { CloseCode } from '../src/protocol/close-code.js';
import type { CloseNotice, SocketClass, SocketLike } from './platform.js';

const OPEN_WITHIN_MS = 15_000;
const ABNORMAL_CLOSURE = 1006;

/**
 * Server failures that graphql-ws treats as fatal: 1011 and 1014 from a proxy, 1015 from TLS, 4500 from a hook that
 * threw. They are passed on as 1013, try again later; so is a 1000 that was not asked for here, since graphql-ws would
 * reconnect without a delay.
 */
const TRANSIENT_CODES = new Set([1011, 1014, 1015, 4500]);

/** A socket that gets a token before it opens. */
export interface GuardedSocket extends SocketLike {
  /** Closes it at once, as if the server had closed with 4401. */
  signOut(): void;
}

/** The hooks of each socket. */
export interface SocketOwner {
  /**
   * Called once per connection, first. Resolves to a token, null if the user is not signed in, undefined if aborted.
   * Must not reject.
   */
  token(socket: GuardedSocket, signal: AbortSignal): Promise<string | null | undefined>;
  /** The real socket has opened, and this token will be sent on it. */
  opened(token: string): void;
}

/**
 * Creates the WebSocket class for graphql-ws: it first fetches the token and then opens the real socket, so that a slow
 * token endpoint does not use up the server's 3 s for `connection_init`.
 *
 * A refused connection is reported only as a close event (1006), never as an error, which graphql-ws would treat as
 * fatal. If the user is not signed in, it closes with 4401.
 */
export function guardSockets(owner: SocketOwner, RealSocket: SocketClass): SocketClass {
  return class extends Guarded {
    constructor(url: string, protocols?: string | string[]) {
      super(owner, RealSocket, url, protocols);
    }
  };
}

class Guarded implements GuardedSocket {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;

  onopen: SocketLike['onopen'] = null;
  onmessage: SocketLike['onmessage'] = null;
  onclose: SocketLike['onclose'] = null;
  onerror: SocketLike['onerror'] = null;
  #real: SocketLike | null = null;
  #ended = false;
  #openTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #giveUp = new AbortController();

  constructor(
    private readonly owner: SocketOwner,
    private readonly RealSocket: SocketClass,
    url: string,
    protocols?: string | string[],
  ) {
    void this.#open(url, protocols);
  }

  get readyState(): number {
    if (this.#ended) return Guarded.CLOSED;
    return this.#real?.readyState ?? Guarded.CONNECTING;
  }

  send(data: string): void {
    this.#real?.send(data);
  }

  close(code: number = CloseCode.Normal, reason = ''): void {
    this.#giveUp.abort();
    this.#removeHandlers();
    if (this.#real) this.#real.close(code, reason);
    // Later, like a real socket: `getToken` and `onState` run in the constructor, before graphql-ws listens.
    else queueMicrotask(() => this.#end({ code, reason, wasClean: true }));
  }

  signOut(): void {
    this.#end({ code: CloseCode.Unauthorized, reason: 'Signed out', wasClean: true });
    this.#real?.close(CloseCode.Normal);
  }

  async #open(url: string, protocols?: string | string[]): Promise<void> {
    const token = await this.owner.token(this, this.#giveUp.signal);
    if (this.#giveUp.signal.aborted) return;
    if (token === undefined) return this.close();
    if (token === null) return this.signOut();
    try {
      this.#wire(new this.RealSocket(url, protocols), token);
    } catch (error) {
      this.#ended = true;
      this.onerror?.(error);
    }
  }

  #wire(real: SocketLike, token: string): void {
    this.#real = real;
    this.#openTimer = setTimeout(() => this.#abandon(real), OPEN_WITHIN_MS);
    real.onopen = (event) => {
      clearTimeout(this.#openTimer);
      this.owner.opened(token);
      this.onopen?.(event);
    };
    real.onmessage = (event) => this.onmessage?.(event);
    real.onerror = () => {};
    real.onclose = (event) => this.#end(event);
  }

  #abandon(real: SocketLike): void {
    this.#end({ code: ABNORMAL_CLOSURE, reason: 'No connection in time', wasClean: false });
    real.close();
  }

  /**
   * Messages that still arrive are dropped, because their events arrive on the next connection. Browsers do this by
   * themselves; the package `ws` delivers messages until the close is answered, which an unresponsive server does late.
   */
  #removeHandlers(): void {
    if (this.#real) this.#real.onmessage = null;
  }

  #end({ code, reason, wasClean }: CloseNotice): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#removeHandlers();
    clearTimeout(this.#openTimer);
    const isTransient = code === CloseCode.Normal ? !this.#giveUp.signal.aborted : TRANSIENT_CODES.has(code);
    this.onclose?.({ code: isTransient ? CloseCode.TryAgainLater : code, reason, wasClean });
  }
}
