// Types come from the package's root: `moduleResolution: node10` finds no others.
import type { Client, ClientOptions, SubscribePayload } from 'graphql-ws';
import { createClient } from 'graphql-ws/client';
import type { ConnectionInitPayload } from '../src/protocol/payload.js';
import { CloseCode } from '../src/protocol/close-code.js';
import { Backoff } from './backoff.js';
import { Connection } from './connection.js';
import { guardSockets, type SocketOwner, type GuardedSocket } from './guarded-socket.js';
import { LiveStates, type LiveState } from './live-state.js';
import { callApplication, page, socketUrl, watchPage, type CloseNotice, type SocketClass } from './platform.js';
import { Resumption, iterateOver, type Gap } from './resuming-subscribe.js';
import { tokenFromMe } from './token-endpoints.js';
import type { Clock } from './token-refresh.js';
import { TokenSource, type GetToken } from './token-source.js';

/** The options of {@link createLiveClient}. */
export interface LiveClientOptions extends Pick<ClientOptions, 'on' | 'generateID' | 'lazyCloseTimeout'> {
  /** The endpoint: a path, an `http(s):` or a `ws(s):` URL. Default `/graphql`. */
  readonly url?: string;
  /** Fetches a token, once for each connection and each refresh. Default: `me` at the same URL, with the cookie. */
  readonly getToken?: GetToken;
  /** The WebSocket class, if there is no global one: `WebSocket` of the package `ws` on Node 20. */
  readonly webSocketImpl?: unknown;
  /** Called with each new state, see {@link LiveState}. */
  readonly onState?: (state: LiveState) => void;
  /**
   * Called when the session has ended or the user is not signed in; every subscription then fails with a close event
   * 4401.
   */
  readonly onSignedOut?: () => void;
  /**
   * Called with each error after which `getToken` is called again, which no subscription is told: for a log. Default:
   * nothing.
   */
  readonly onTokenError?: (error: unknown) => void;
  /** Called when events of a subscription are lost: reload the affected state. */
  readonly onGap?: (gap: Gap) => void;
}

/** A graphql-ws `Client`: give it to `GraphQLWsLink`, to urql's or Relay's adapter, or to GraphiQL's fetcher. */
export interface LiveClient extends Client {
  /** The current state. */
  readonly state: LiveState;
  /**
   * Checks at once whether the server answers, for a page that has a reason to, such as a slow request or one that
   * works again: sends a Ping, or ends the wait before the next attempt. Does nothing without subscriptions.
   */
  check(): void;
}

const ACK_WITHIN_MS = 10_000;
const LINGER_MS = 2_000;
/** After a connection that was live for this long, in ms, the next attempt has the shortest delay again. */
const HELD_MS = 10_000;
/**
 * After a connection that was live for this long, in ms, a close with 1012 is followed at once; a server that sends it
 * to new connections has a problem.
 */
const HANDED_OVER_MS = 1_000;

/**
 * Creates a client that fetches a token for each connection, renews it in band, resumes every subscription after the
 * last received event, and reconnects until it is disposed, the session has ended (4401), or the server refuses it
 * permanently (1008, 1009, 4400, 4409, 4429).
 *
 * Lazy like graphql-ws: it connects with the first subscription and disconnects 2 s after the last (`lazyCloseTimeout`,
 * ms). After `signedOut` the next `subscribe` connects again.
 *
 * @throws TypeError for an unusable `url`; Error without a WebSocket class
 */
export function createLiveClient(options: LiveClientOptions = {}): LiveClient {
  return new ClientParts(options).client;
}

/** One client's parts and their connections. */
class ClientParts implements SocketOwner {
  readonly client: LiveClient;
  readonly #backoff = new Backoff();
  readonly #states: LiveStates;
  readonly #tokens: TokenSource;
  readonly #inner: Client;
  readonly #clock: Clock = { behindMs: 0 };
  #socket: GuardedSocket | undefined;
  #token = '';
  #connection: Connection | undefined;
  #stopWatching: (() => void) | undefined;
  readonly #resumption = new Resumption((gap) => callApplication(() => this.options.onGap?.(gap)));
  #subscriptions = 0;
  #ids = 0;
  #disposed = false;

  constructor(private readonly options: LiveClientOptions) {
    const RealSocket = (options.webSocketImpl ?? page.WebSocket) as SocketClass | undefined;
    if (!RealSocket) throw new Error('No WebSocket: on Node 20 pass `webSocketImpl` from `ws`.');
    const url = socketUrl(options.url ?? '/graphql');
    this.#states = new LiveStates(options.onState);
    const getToken = options.getToken ?? tokenFromMe(url.replace(/^ws/, 'http'));
    this.#tokens = new TokenSource(getToken, this.#backoff, options.onTokenError);
    this.#inner = this.#createInner(url, guardSockets(this, RealSocket));
    this.client = this.#wrap();
  }

  token(socket: GuardedSocket, signal: AbortSignal): Promise<string | null | undefined> {
    this.#socket = socket;
    if (this.#disposed) return Promise.resolve(undefined);
    this.#opening();
    return this.#tokens.next(signal);
  }

  opened(token: string): void {
    this.#token = token;
  }

  #createInner(url: string, webSocketImpl: SocketClass): Client {
    const inner = createClient({
      generateID: (payload) => this.#resumption.named(payload, this.options.generateID?.(payload) ?? `${++this.#ids}`),
      ...(this.options.on ? { on: guarded(this.options.on) } : {}),
      url,
      webSocketImpl,
      connectionParams: (): ConnectionInitPayload & Record<string, unknown> => ({
        token: this.#token,
        resumable: true,
        positions: true,
      }),
      connectionAckWaitTimeout: ACK_WITHIN_MS,
      lazyCloseTimeout: this.options.lazyCloseTimeout ?? LINGER_MS,
      retryAttempts: Number.POSITIVE_INFINITY,
      retryWait: () => (this.#subscriptions === 0 ? Promise.resolve() : this.#backoff.wait()),
    });
    inner.on('connected', (_, ack) => this.#connected(ack));
    inner.on('message', () => this.#connection?.heard());
    inner.on('ping', (received, payload) => received && this.#resumption.positioned(payload));
    inner.on('pong', (received, payload) => received && this.#connection?.pong(payload));
    inner.on('closed', (event) => this.#closed(event as CloseNotice));
    return inner;
  }

  #wrap(): LiveClient {
    const states = this.#states;
    const inner = this.#inner;
    const subscribe = this.#counting((payload, sink) => this.#resumption.subscribe(inner, payload, sink));
    return {
      on: (event, listener) => inner.on(event, guardedListener(listener as AnyListener) as typeof listener),
      terminate: () => inner.terminate(),
      check: () => this.#woken(),
      subscribe,
      iterate: iterateOver(subscribe),
      dispose: () => this.#dispose(),
      get state() {
        return states.now;
      },
    };
  }

  /** Counts subscriptions: a connection is opened only for a subscription. */
  #counting(subscribe: Client['subscribe']): Client['subscribe'] {
    return (payload: SubscribePayload, sink) => {
      let counted = true;
      const leave = (): void => {
        if (!counted) return;
        counted = false;
        // After a failure too: graphql-ws would keep the connection for this subscription.
        unsubscribe();
        this.#subscriptions -= 1;
        if (this.#subscriptions === 0) this.#unwanted();
      };
      const unsubscribe = subscribe(payload, {
        // `ws` emits the messages of one packet in a row, before graphql-ws has stopped listening.
        next: (result) => counted && callApplication(() => sink.next(result as Parameters<typeof sink.next>[0])),
        error: (error) => (leave(), callApplication(() => sink.error(error))),
        complete: () => (leave(), callApplication(() => sink.complete())),
      });
      // Only now: `generateID` of the application may have thrown.
      this.#subscriptions += 1;
      // Not only with the next socket: graphql-ws may still wait to reconnect, perhaps for the network.
      if (!this.#connection && !this.#disposed) this.#opening();
      return leave;
    };
  }

  #connected(ack: Record<string, unknown> | undefined): void {
    if (!this.#socket) return;
    this.#connection = new Connection(this.#socket, this.#tokens, ack, this.#clock, {
      suspected: (isSuspect) => (isSuspect ? this.#states.suspected() : this.#states.live()),
      dead: () => this.#inner.terminate(),
    });
    this.#states.live();
  }

  #closed({ code }: CloseNotice): void {
    const heldMs = this.#connection?.end(code) ?? 0;
    this.#connection = undefined;
    this.#token = '';
    if (code === CloseCode.ServiceRestart && heldMs >= HANDED_OVER_MS) this.#backoff.handedOver();
    else if (heldMs > HELD_MS) this.#backoff.reset();
    const wasSignedOut = this.#states.now === 'signedOut';
    this.#states.closed(code, this.#subscriptions > 0 && !this.#disposed);
    // Later, when graphql-ws has forgotten this connection: a `subscribe` in the callback then opens another one.
    if (code === CloseCode.Unauthorized && !wasSignedOut) queueMicrotask(() => this.options.onSignedOut?.());
    if (['idle', 'signedOut', 'stopped'].includes(this.#states.now)) this.#rest();
  }

  #opening(): void {
    this.#states.opening();
    this.#stopWatching ??= watchPage(() => this.#woken());
  }

  #woken(): void {
    if (this.#connection) this.#connection.check();
    else if (this.#subscriptions > 0) this.#states.opening();
    this.#backoff.wake();
  }

  #unwanted(): void {
    if (this.#connection) return;
    this.#socket?.close();
    this.#backoff.wake();
    this.#states.unwanted();
    if (this.#states.now === 'idle') this.#rest();
  }

  #rest(): void {
    this.#stopWatching?.();
    this.#stopWatching = undefined;
    this.#backoff.reset();
  }

  async #dispose(): Promise<void> {
    this.#disposed = true;
    const gone = Promise.resolve(this.#inner.dispose()).catch(() => {});
    this.#backoff.stop();
    if (!this.#connection) this.#socket?.close();
    await gone;
    this.#rest();
  }
}

/** Listeners of the application for graphql-ws's events, in which it may throw. */
function guarded(listeners: NonNullable<ClientOptions['on']>): NonNullable<ClientOptions['on']> {
  return Object.fromEntries(
    Object.entries(listeners).map(([event, listener]) => [event, listener && guardedListener(listener as AnyListener)]),
  );
}

type AnyListener = (...values: unknown[]) => unknown;

function guardedListener(listener: AnyListener): AnyListener {
  return (...values) => callApplication(() => listener(...values));
}
