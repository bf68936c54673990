import { type ServerOptions, WebSocket } from 'ws';
import { SUBPROTOCOL } from '../../../protocol/payload.js';
import type { Connection, EndableSocket } from './connection.js';

/** The largest message a client may send, in bytes. */
const MAX_MESSAGE_BYTES = 64 * 1024;
/** The most frames of one message: a frame costs more than the one byte that it may contain. */
const MAX_FRAGMENTS = 256;
/** How long a closing handshake may take before the socket is destroyed, in milliseconds. */
export const CLOSE_TIMEOUT_MS = 5000;

/** What ws reports about a socket. One object serves all sockets. */
export interface SocketEvents {
  message(connection: Connection, data: Buffer, isBinary: boolean): void;
  ping(connection: Connection, payload: Buffer): void;
  pong(connection: Connection): void;
  close(connection: Connection, code: number): void;
  error(connection: Connection, error: Error): void;
}

/**
 * The class that ws uses for its sockets. It passes ws's events on together with its connection, so that no socket has
 * a table of listeners, and it distinguishes who closes a socket: ws calls {@link close}, our code calls
 * {@link closeNow}.
 */
export class GatewaySocket extends WebSocket implements EndableSocket {
  #connection: Connection | null = null;
  #events: SocketEvents | null = null;

  /** Called directly after the upgrade, before anything is read. */
  attach(connection: Connection, events: SocketEvents): void {
    this.#connection = connection;
    this.#events = events;
  }

  /** Called by ws for each event. From {@link attach} on, listeners of the events above are not called. */
  override emit(event: string | symbol, ...values: unknown[]): boolean {
    const connection = this.#connection;
    const events = this.#events;
    if (!connection || !events) return super.emit(event, ...values);
    if (event === 'message') events.message(connection, values[0] as Buffer, values[1] as boolean);
    else if (event === 'ping') events.ping(connection, values[0] as Buffer);
    else if (event === 'pong') events.pong(connection);
    else if (event === 'close') events.close(connection, values[0] as number);
    else if (event === 'error') events.error(connection, values[0] as Error);
    else return super.emit(event, ...values);
    return true;
  }

  /**
   * Called by ws, from inside a read, when the peer has sent Close or a frame that breaks RFC 6455. Earlier messages of
   * the same read are answered first, because nothing may follow a Close frame (RFC 6455 §5.5.1).
   */
  override close(code?: number, reason?: string | Buffer): void {
    setImmediate(() => {
      this.#connection?.stopSending();
      super.close(code, reason);
    });
  }

  /** Starts the closing handshake from this side, at once. */
  closeNow(code: number, reason: string): void {
    super.close(code, reason);
  }
}

/**
 * How ws creates our sockets. FrameWriter's assumptions depend on these options. (ws 8.19 added `closeTimeout`; its
 * type declarations do not have it yet.)
 */
export const SOCKET_OPTIONS: ServerOptions<typeof GatewaySocket> & { readonly closeTimeout: number } = {
  noServer: true,
  WebSocket: GatewaySocket,
  // We answer pings, within the same limit as everything else that is sent.
  autoPong: false,
  clientTracking: false,
  perMessageDeflate: false,
  maxPayload: MAX_MESSAGE_BYTES,
  maxFragments: MAX_FRAGMENTS,
  closeTimeout: CLOSE_TIMEOUT_MS,
  handleProtocols: () => SUBPROTOCOL,
};
