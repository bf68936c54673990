import { type IncomingMessage, type Server, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { type ServerOptions, WebSocketServer } from 'ws';
import { SUBPROTOCOL } from '../protocol/payload.js';
import { Connections } from './connections.js';
import { GatewayJournal } from './door/gateway.journal.js';
import type { UpgradeRefusal } from './door/upgrade-refusal.js';
import { UpgradeGuard } from './door/upgrade.guard.js';

/** The largest message a client may send, in bytes. */
const MAX_MESSAGE_BYTES = 64 * 1024;
/** How long a closing handshake may take before the socket is destroyed, in milliseconds. */
const CLOSE_TIMEOUT_MS = 5000;

// ws 8.19 added `closeTimeout`; its type declarations have not yet.
const SERVER_OPTIONS: ServerOptions & { readonly closeTimeout: number } = {
  noServer: true,
  clientTracking: false,
  perMessageDeflate: false,
  maxPayload: MAX_MESSAGE_BYTES,
  closeTimeout: CLOSE_TIMEOUT_MS,
  handleProtocols: () => SUBPROTOCOL,
};

/**
 * Takes every upgrade of the HTTP server, answers each one, and hands accepted sockets to {@link Connections}.
 * At shutdown it refuses new ones and drains the open ones.
 */
@Injectable()
export class SocketGateway implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #server = new WebSocketServer(SERVER_OPTIONS);
  #draining = false;

  constructor(
    private readonly adapter: HttpAdapterHost,
    private readonly guard: UpgradeGuard,
    private readonly connections: Connections,
    private readonly journal: GatewayJournal,
  ) {}

  onApplicationBootstrap(): void {
    const server = this.adapter.httpAdapter.getHttpServer() as Server;
    server.on('upgrade', (request, socket: Socket, head) => void this.#upgrade(request, socket, head));
  }

  /** In the first round of the shutdown: Apollo's own waits until the HTTP server has no socket left. */
  async onModuleDestroy(): Promise<void> {
    this.#draining = true;
    await this.connections.drain();
    this.#server.close();
  }

  async #upgrade(request: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    const drop = (): void => void socket.destroy();
    socket.on('error', drop);
    const facts = this.guard.facts(request);
    const refusal = await this.guard.check(request, facts, this.#draining);
    if (refusal) {
      this.journal.refused(refusal, facts);
      refuse(socket, refusal);
      return;
    }
    if (socket.destroyed) return;
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      socket.off('error', drop);
      this.connections.open(webSocket, socket, facts);
    });
  }
}

/** Answers an upgrade with plain HTTP and ends its socket. */
function refuse(socket: Socket, refusal: UpgradeRefusal): void {
  const head = [
    `HTTP/1.1 ${refusal.status} ${STATUS_CODES[refusal.status]}`,
    'Connection: close',
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(refusal.message)}`,
    ...(refusal.retryAfterSeconds === undefined ? [] : [`Retry-After: ${refusal.retryAfterSeconds}`]),
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${refusal.message}`, () => socket.destroy());
}
