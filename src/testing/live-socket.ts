import type { GraphQLFormattedError } from 'graphql';
import { WebSocket } from 'ws';
import { GRAPHQL_PATH, SUBPROTOCOL } from '../protocol/payload.js';
import { Inbox } from './inbox.js';

/** One message of `graphql-transport-ws`, as received. */
export interface WireMessage {
  readonly type: string;
  readonly id?: string;
  readonly payload?: unknown;
}

/** The payload of a Next: one execution result. */
export interface NextPayload {
  readonly data?: Record<string, unknown> | null;
  readonly errors?: readonly GraphQLFormattedError[];
  readonly extensions?: Record<string, unknown>;
}

/** How a socket was closed. */
export interface SocketClose {
  readonly code: number;
  readonly reason: string;
}

/** The options for opening a socket. */
export interface SocketOptions {
  /** Sent in `connection_init`, and the ack is awaited; absent: nothing is sent. */
  readonly token?: string;
  readonly resumable?: boolean;
  readonly origin?: string;
  readonly userAgent?: string;
  /** Sent as `Cookie`. */
  readonly cookie?: string;
  /** Sent as `X-Forwarded-For`. */
  readonly address?: string;
  /** Default `/graphql`. */
  readonly path?: string;
}

/** How long an upgrade may take, in milliseconds: one that was handed to a worker that is killed is never answered. */
const UPGRADE_TIMEOUT_MS = 20_000;

/**
 * Opens a socket and, with a token, waits for its ack. Fails when the upgrade is refused or is not answered in 20 s, or
 * the socket closes first.
 */
export async function openSocket(url: string, options: SocketOptions = {}): Promise<LiveSocket> {
  const headers: Record<string, string> = { 'user-agent': options.userAgent ?? 'Sallyport test' };
  if (options.origin) headers['origin'] = options.origin;
  if (options.cookie) headers['cookie'] = options.cookie;
  if (options.address) headers['x-forwarded-for'] = options.address;
  const address = url.replace(/^http/, 'ws') + (options.path ?? GRAPHQL_PATH);
  const ws = new WebSocket(address, SUBPROTOCOL, { headers, handshakeTimeout: UPGRADE_TIMEOUT_MS });
  const socket = new LiveSocket(ws);
  await socket.opened;
  if (options.token !== undefined) {
    const resumable = options.resumable === undefined ? {} : { resumable: options.resumable };
    await socket.init({ token: options.token, ...resumable });
  }
  return socket;
}

/** How a socket with this token is closed; 1000 if it is admitted. */
export async function closeFor(url: string, token: string, options: SocketOptions = {}): Promise<SocketClose> {
  const socket = await openSocket(url, options);
  socket.send({ type: 'connection_init', payload: { token } });
  const ended = await Promise.race([socket.waitForClose(), socket.waitForMessage('connection_ack').catch(() => null)]);
  return ended && 'code' in ended ? ended : socket.close();
}

/** The code of {@link closeFor}. */
export async function closeCodeFor(url: string, token: string, options: SocketOptions = {}): Promise<number> {
  return (await closeFor(url, token, options)).code;
}

/** A bare WebSocket that a test drives message by message. */
export class LiveSocket {
  /** Messages that were received and not taken. */
  readonly inbox = new Inbox<WireMessage>();
  readonly opened: Promise<void>;
  readonly #closed: Promise<SocketClose>;

  /** @internal Created by {@link openSocket}. */
  constructor(/** @internal */ readonly ws: WebSocket) {
    ws.on('message', (data: Buffer) => this.inbox.put(JSON.parse(data.toString('utf8')) as WireMessage));
    this.#closed = new Promise((resolve) => {
      ws.on('close', (code, reason) => {
        this.inbox.end(`closed with ${code} ${reason.toString()}`);
        resolve({ code, reason: reason.toString() });
      });
    });
    this.opened = new Promise((resolve, reject) => {
      ws.once('open', resolve);
      ws.on('error', reject);
    });
  }

  /** Sends one message, or raw text. */
  send(message: WireMessage | string): void {
    this.ws.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  /** Sends `connection_init`, waits for the ack and returns its payload. */
  async init(payload: Record<string, unknown>): Promise<Record<string, unknown>> {
    this.send({ type: 'connection_init', payload });
    const ack = await this.waitForMessage('connection_ack');
    return (ack.payload ?? {}) as Record<string, unknown>;
  }

  /** Sends a Subscribe. */
  subscribe(
    id: string,
    query: string,
    more: { variables?: unknown; extensions?: unknown; operationName?: string } = {},
  ): void {
    this.send({ type: 'subscribe', id, payload: { query, ...more } });
  }

  /**
   * Subscribes, and waits until the store has confirmed it: events that are published from then on arrive. Requires a
   * feed, and a connection with `resumable` and `positions`, as opened by `connect`. Fails when the server or the
   * resolver refuses it.
   */
  async subscribed(
    id: string,
    query: string,
    more: { variables?: unknown; extensions?: unknown; operationName?: string } = {},
  ): Promise<void> {
    this.subscribe(id, query, more);
    const isPosition = (message: WireMessage): boolean =>
      message.type === 'ping' && (message.payload as { operation?: unknown } | undefined)?.operation === id;
    const first = await this.inbox.see((message) => isPosition(message) || message.id === id, `the start of ${id}`);
    const refusal = refusalIn(first);
    if (refusal) throw new Error(`${id} was refused: ${JSON.stringify(refusal)}`);
    if (isPosition(first)) await this.inbox.take(isPosition);
  }

  /** The first message of this type, and of this operation if one is named; now or when it arrives. */
  waitForMessage(type: string, id?: string): Promise<WireMessage> {
    const matches = (message: WireMessage) => message.type === type && (id === undefined || message.id === id);
    return this.inbox.take(matches, id === undefined ? type : `${type} of ${id}`);
  }

  /** The payload of the operation's next `next`. */
  async waitForNext(id: string): Promise<NextPayload> {
    const message = await this.waitForMessage('next', id);
    return message.payload as NextPayload;
  }

  /** How the socket was closed, once it is. */
  waitForClose(): Promise<SocketClose> {
    return this.#closed;
  }

  /**
   * Waits until the server has answered a ping that is sent now. Everything that it sent before is then in the inbox,
   * so a test can check without sleeping that nothing arrived.
   */
  async settled(): Promise<readonly WireMessage[]> {
    this.send({ type: 'ping' });
    await this.waitForMessage('pong');
    return this.inbox.pending;
  }

  /** Closes from this side and waits until it is closed. */
  async close(): Promise<SocketClose> {
    this.ws.close(1000);
    return this.waitForClose();
  }
}

/** The errors of a Subscribe that does not start; a resolver's are in a Next without `data`. Undefined if it starts. */
function refusalIn({ type, payload }: WireMessage): unknown {
  if (type === 'error') return payload;
  const { data, errors } = (type === 'next' ? payload : {}) as NextPayload;
  return data === undefined ? errors : undefined;
}
