import type { Socket } from 'node:net';
import { Injectable } from '@nestjs/common';
import { type ConnectionFacts, Connection } from './connection/connection.js';
import { UnavailableError } from '../errors/sallyport.errors.js';
import { CloseCode } from '../../protocol/close-code.js';
import type { GatewaySocket, SocketEvents } from './connection/gateway-socket.js';
import { GatewayMetrics } from './admission/gateway.metrics.js';
import { ConnectionExpiry } from './connection/connection-expiry.js';
import { WriteBatcher } from './connection/frame-writer.js';
import { parsedMessage } from './connection/message.js';
import { SocketProtocol } from './socket.protocol.js';

/** The longest message before the ack, in bytes: several times a `connection_init` with the longest token. */
const MAX_FIRST_BYTES = 32 * 1024;

/** The open sockets of this node: connects each one to the protocol and removes it when it closes. */
@Injectable()
export class Connections implements SocketEvents {
  constructor(
    private readonly protocol: SocketProtocol,
    private readonly connectionExpiry: ConnectionExpiry,
    private readonly batcher: WriteBatcher,
    private readonly metrics: GatewayMetrics,
  ) {}

  /** Whether sockets can be opened: see {@link SocketProtocol.canServe}. */
  canOpen(): boolean {
    return this.protocol.canServe();
  }

  /** Takes over an upgraded socket. */
  open(socket: GatewaySocket, stream: Socket, facts: ConnectionFacts): void {
    const connection = new Connection(socket, stream, facts, this.batcher);
    socket.attach(connection, this);
    this.connectionExpiry.begin(connection);
  }

  /** Closes every socket with 1012, spread over a window that grows with their number. */
  drain(): Promise<void> {
    return this.connectionExpiry.drain();
  }

  message(connection: Connection, data: Buffer, isBinary: boolean): void {
    connection.recordActivity();
    if (!connection.withinBudget()) return;
    if (isBinary) return connection.close(CloseCode.BadRequest, 'Binary messages are not supported');
    if (data.length > MAX_FIRST_BYTES && connection.state === 'opening') {
      return connection.close(CloseCode.MessageTooBig, 'Too big before the acknowledgement');
    }
    const message = parsedMessage(data);
    if (!message) return connection.close(CloseCode.BadRequest, 'Invalid message received');
    this.protocol.receive(connection, message, data.length).catch((error: unknown) => this.#failed(connection, error));
  }

  /** A WebSocket ping is a message like any other: it costs the same, and its reply joins the same backlog. */
  ping(connection: Connection, payload: Buffer): void {
    connection.recordActivity();
    if (connection.withinBudget()) connection.pong(payload);
  }

  pong(connection: Connection): void {
    connection.receivePong();
  }

  close(connection: Connection, code: number): void {
    connection.ended();
    this.connectionExpiry.end(connection);
    this.metrics.closed(connection, code);
  }

  error(connection: Connection, error: Error): void {
    // ws closes by itself after a frame that breaks RFC 6455 or is too big.
    const code = closeCodeOf(error);
    if (code !== null) connection.closedBySocket(code);
    this.metrics.failed(connection, error);
  }

  /**
   * Handling a message has thrown: a store may be unavailable; anything else is a server error. Each cause has its own
   * code: see docs/decisions/close-codes-we-chose.md.
   */
  #failed(connection: Connection, error: unknown): void {
    this.metrics.messageFailed(connection, error);
    if (error instanceof UnavailableError) connection.close(CloseCode.TryAgainLater, 'Try again later');
    else connection.close(CloseCode.InternalError, 'Internal error');
  }
}

/** The code that ws closed with after a frame that it could not accept; null if the network failed. */
function closeCodeOf(error: Error): CloseCode | null {
  const { code = '' } = error as NodeJS.ErrnoException;
  if (code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH') return CloseCode.MessageTooBig;
  if (code === 'WS_ERR_TOO_MANY_BUFFERED_PARTS') return CloseCode.PolicyViolation;
  if (code === 'WS_ERR_INVALID_UTF8') return CloseCode.InvalidPayload;
  return code.startsWith('WS_ERR_') ? CloseCode.ProtocolError : null;
}
