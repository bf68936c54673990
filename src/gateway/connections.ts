import type { Socket } from 'node:net';
import { Injectable } from '@nestjs/common';
import type { WebSocket } from 'ws';
import type { ConnectionFacts } from '../auth/token/connection-token.verifier.js';
import { CloseCode } from '../protocol/close-code.js';
import { Connection } from './connection/connection.js';
import { GatewayJournal } from './door/gateway.journal.js';
import { Lifetimes } from './connection/lifetimes.js';
import { Outbox } from './connection/outbox.js';
import { SocketProtocol } from './socket.protocol.js';

/** A WebSocket that knows its connection, so that the same listener functions serve every socket. */
interface ConnectedSocket extends WebSocket {
  connection: Connection;
  protocolClosed: (code?: number, reason?: string) => Promise<void>;
}

/** The open sockets of this node: wires each one to the protocol and forgets it when it closes. */
@Injectable()
export class Connections {
  constructor(
    private readonly protocol: SocketProtocol,
    private readonly lifetimes: Lifetimes,
    private readonly outbox: Outbox,
    private readonly journal: GatewayJournal,
  ) {}

  /** Takes over an upgraded socket. */
  open(webSocket: WebSocket, stream: Socket, facts: ConnectionFacts): void {
    const connection = new Connection(webSocket, stream, facts, this.outbox, this.protocol.answerPing);
    const socket = Object.assign(webSocket, {
      connection,
      protocolClosed: this.protocol.server.opened(connection, connection),
    });
    this.lifetimes.begin(connection);
    socket.on('message', this.#onMessage).on('pong', onPong).on('close', this.#onClose).on('error', this.#onError);
  }

  /** Closes every socket with 1012, spread over a window that grows with their number. */
  drain(): Promise<void> {
    return this.lifetimes.drain();
  }

  readonly #onMessage = listener((socket, data: Buffer, isBinary: boolean): void => {
    const { connection } = socket;
    connection.heard = true;
    if (connection.closed) return;
    if (isBinary) connection.close(CloseCode.BadRequest, 'Binary messages are not spoken here');
    else if (!connection.budget.take(Date.now())) connection.close(CloseCode.PolicyViolation, 'Too many messages');
    else {
      connection.onText?.(data.toString()).catch((error: unknown) => {
        this.journal.stumbled(connection, error);
        connection.close(CloseCode.TryAgainLater, 'Try again later');
      });
    }
  });

  readonly #onClose = listener((socket, code: number): void => {
    const { connection } = socket;
    connection.closed = true;
    this.lifetimes.end(connection);
    void socket.protocolClosed(code);
    this.journal.closed(connection, code);
  });

  readonly #onError = listener((socket, error: Error): void => {
    // ws closes by itself after a frame that breaks RFC 6455 or is too big.
    socket.connection.closed = true;
    this.journal.failed(socket.connection, error);
  });
}

const onPong = listener((socket): void => {
  socket.connection.heard = true;
});

/** Makes a listener out of a function of the socket, which ws gives as `this`. */
function listener<A extends unknown[]>(listen: (socket: ConnectedSocket, ...rest: A) => void) {
  return function onEvent(this: WebSocket, ...rest: A): void {
    listen(this as ConnectedSocket, ...rest);
  };
}
