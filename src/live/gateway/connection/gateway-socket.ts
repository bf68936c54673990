import { type ServerOptions, WebSocket } from 'ws';
import { SUBPROTOCOL } from '../../../protocol/payload.js';
import type { Connection, EndableSocket } from './connection.js';

/** The largest message a client may send, in bytes. */
const MAX_MESSAGE_BYTES = 64 * 1024;
/** In how many frames a message may come: each costs more than the byte that it may hold. */
const MAX_FRAGMENTS = 256;
/** How long a closing handshake may take before the socket is destroyed, in milliseconds. */
export const CLOSE_TIMEOUT_MS = 5000;

/**
 * The class that ws is told to make sockets of. It knows its connection, so that the same listener functions serve every
 * socket, and it tells apart who ends a socket: ws itself calls {@link close}, everything of ours calls {@link closeNow}.
 */
export class GatewaySocket extends WebSocket implements EndableSocket {
  #connection: Connection | null = null;

  /** What this socket carries; null until {@link carry}. */
  get connection(): Connection | null {
    return this.#connection;
  }

  /** Called as soon as the upgrade is done, before anything is read. */
  carry(connection: Connection): void {
    this.#connection = connection;
  }

  /**
   * Called by ws, from inside a read, when the peer has sent Close or a frame that breaks RFC 6455. Messages before it in the
   * same read are answered first: after a Close frame nothing counts any more (RFC 6455 §5.5.1).
   */
  override close(code?: number, reason?: string | Buffer): void {
    setImmediate(() => {
      this.#connection?.leave();
      super.close(code, reason);
    });
  }

  /** Starts the closing handshake from this side, at once. */
  closeNow(code: number, reason: string): void {
    super.close(code, reason);
  }
}

/**
 * How ws makes our sockets. What FrameWriter takes for granted of them rests on these.
 * (ws 8.19 added `closeTimeout`; its type declarations have not yet.)
 */
export const SOCKET_OPTIONS: ServerOptions<typeof GatewaySocket> & { readonly closeTimeout: number } = {
  noServer: true,
  WebSocket: GatewaySocket,
  // Answered by us, within the bounds of everything else that is sent.
  autoPong: false,
  clientTracking: false,
  perMessageDeflate: false,
  maxPayload: MAX_MESSAGE_BYTES,
  maxFragments: MAX_FRAGMENTS,
  closeTimeout: CLOSE_TIMEOUT_MS,
  handleProtocols: () => SUBPROTOCOL,
};
