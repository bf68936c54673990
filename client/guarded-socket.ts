import { CloseCode } from '../src/protocol/close-code.js';
import type { CloseNotice, SocketClass, SocketLike } from './platform.js';

const OPEN_WITHIN_MS = 15_000;
const ABNORMAL_CLOSURE = 1006;

/**
 * Server trouble that graphql-ws takes for final: 1011 and 1014 from a proxy, 1015 from TLS, 4500 from a hook that threw.
 * They are handed on as 1013, try again later.
 */
const PASSING_TROUBLE = new Set([1011, 1014, 1015, 4500]);

/** A socket that is given a token before it opens, and told when it may be used. */
export interface GuardedSocket extends SocketLike {
  /** Ends it here and now, as if the server had closed with 4401. */
  signOut(): void;
}

/** What stands before each socket. */
export interface SocketOwner {
  /** Called once per connection, first. A token; null: nobody is signed in; undefined: given up. Must not reject. */
  token(socket: GuardedSocket, signal: AbortSignal): Promise<string | null | undefined>;
  /** The real socket has opened: this token is to be sent on it. */
  entered(token: string): void;
}

/**
 * Makes the WebSocket class that graphql-ws is given: it fetches the token first and opens the real socket then, so that the
 * server's 3 s for `connection_init` never pay for a slow token endpoint.
 *
 * A refused connection shows as a close event only (1006), never as an error, which graphql-ws would take for final.
 * Nobody signed in shows as a close with 4401.
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
    this.#deafen();
    if (this.#real) this.#real.close(code, reason);
    else this.#end({ code, reason, wasClean: true });
  }

  signOut(): void {
    this.#end({ code: CloseCode.Unauthorized, reason: 'Signed out', wasClean: true });
    this.#real?.close(CloseCode.Normal);
  }

  async #open(url: string, protocols?: string | string[]): Promise<void> {
    const token = await this.owner.token(this, this.#giveUp.signal);
    if (this.#ended) return;
    if (token === undefined) return this.#end({ code: CloseCode.Normal, reason: 'Given up', wasClean: true });
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
      this.owner.entered(token);
      this.onopen?.(event);
    };
    real.onmessage = (event) => this.onmessage?.(event);
    real.onerror = () => {};
    real.onclose = (event) => this.#end(event);
  }

  #abandon(real: SocketLike): void {
    this.#end({ code: ABNORMAL_CLOSURE, reason: 'The connection did not open in time', wasClean: false });
    real.close();
  }

  /**
   * Nothing that still comes is handed over: its events come on the next connection. A browser does so by itself, the package `ws`
   * goes on delivering until the close is answered, which a server that stands still does late.
   */
  #deafen(): void {
    if (this.#real) this.#real.onmessage = null;
  }

  #end({ code, reason, wasClean }: CloseNotice): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#deafen();
    clearTimeout(this.#openTimer);
    const shown = PASSING_TROUBLE.has(code) ? CloseCode.TryAgainLater : code;
    this.onclose?.({ code: shown, reason, wasClean });
  }
}
