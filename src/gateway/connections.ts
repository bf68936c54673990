import type { Socket } from 'node:net';
import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import type { WebSocket } from 'ws';
import type { ConnectionFacts } from '../auth/token/connection-token.verifier.js';
import { LOGGER } from '../logging/logger.js';
import { CloseCode } from '../protocol/close-code.js';
import { Connection } from './connection.js';
import { ConnectionRegistry } from './connection-registry.js';
import { Lifetimes } from './lifetimes.js';
import { Outbox } from './outbox.js';
import { SocketProtocol } from './socket.protocol.js';

/** Milliseconds of the drain window for each open socket, and the longest window. */
const DRAIN_MS_PER_SOCKET = 1;
const MAX_DRAIN_MS = 10_000;
const DRAIN_STEPS = 100;

/** A WebSocket that knows its connection, so that the same listener functions serve every socket. */
interface ConnectedSocket extends WebSocket {
  connection: Connection;
  protocolClosed: (code?: number, reason?: string) => Promise<void>;
}

/** The open sockets of this node: wires each one to the protocol and forgets it when it closes. */
@Injectable()
export class Connections {
  readonly #outbox = new Outbox();

  constructor(
    private readonly protocol: SocketProtocol,
    private readonly registry: ConnectionRegistry,
    private readonly lifetimes: Lifetimes,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Takes over an upgraded socket. */
  open(webSocket: WebSocket, stream: Socket, facts: ConnectionFacts): void {
    const connection = new Connection(webSocket, stream, facts, this.#outbox, this.protocol.answerPing);
    const socket = Object.assign(webSocket, {
      connection,
      protocolClosed: this.protocol.server.opened(connection, connection),
    });
    this.registry.add(connection);
    this.lifetimes.begin(connection);
    socket.on('message', this.#onMessage).on('pong', onPong).on('close', this.#onClose).on('error', this.#onError);
  }

  /** Closes every socket with 1012, spread over a window that grows with their number. */
  async drain(): Promise<void> {
    const open = [...this.registry.all];
    const windowMs = Math.min(MAX_DRAIN_MS, open.length * DRAIN_MS_PER_SOCKET);
    const share = Math.ceil(open.length / DRAIN_STEPS);
    for (let from = 0; from < open.length; from += share) {
      for (const connection of open.slice(from, from + share)) connection.close(CloseCode.ServiceRestart, 'Restarting');
      await new Promise((resolve) => setTimeout(resolve, windowMs / DRAIN_STEPS));
    }
  }

  readonly #onMessage = listener((socket, data: Buffer, isBinary: boolean): void => {
    const { connection } = socket;
    connection.heard = true;
    if (connection.closed) return;
    if (isBinary) connection.close(CloseCode.BadRequest, 'Binary messages are not spoken here');
    else if (!connection.budget.take(Date.now())) connection.close(CloseCode.PolicyViolation, 'Too many messages');
    else {
      connection.onText?.(data.toString()).catch((error: unknown) => {
        this.logger.error({ err: error, address: connection.facts.address }, 'a message failed');
        connection.close(CloseCode.TryAgainLater, 'Try again later');
      });
    }
  });

  readonly #onClose = listener((socket, code: number): void => {
    const { connection } = socket;
    connection.closed = true;
    this.registry.remove(connection);
    this.lifetimes.end(connection);
    void socket.protocolClosed(code);
    const { address, origin } = connection.facts;
    this.logger.info({ code, viewer: connection.context?.viewer?.id, address, origin }, 'socket closed');
  });

  readonly #onError = listener((socket, error: Error): void => {
    // ws closes by itself after a frame that breaks RFC 6455 or is too big.
    socket.connection.closed = true;
    this.logger.info({ reason: error.message, address: socket.connection.facts.address }, 'socket failed');
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
