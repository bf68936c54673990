import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { WebSocketServer } from 'ws';
import { inRequest, requestIdHeader } from '../logging/request-id.js';
import type { ConnectionFacts } from './connection/connection.js';
import { CLOSE_TIMEOUT_MS, type GatewaySocket, SOCKET_OPTIONS } from './connection/gateway-socket.js';
import { Connections } from './connections.js';
import { GatewayMetrics } from './admission/gateway.metrics.js';
import { asksForWebSocket, OrdinaryRequests } from './admission/ordinary-request.js';
import { type UpgradeRefusal, UpgradePolicy } from './admission/upgrade.policy.js';

const NO_HANDSHAKE: UpgradeRefusal = { status: 400, message: 'This is no WebSocket handshake (RFC 6455 §4.2.1).' };

/**
 * Handles every upgrade of the HTTP server and passes accepted sockets to {@link Connections}. At shutdown it refuses
 * new ones and drains the open ones.
 */
@Injectable()
export class SocketGateway implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #server = new WebSocketServer<typeof GatewaySocket>(SOCKET_OPTIONS);
  #draining = false;

  constructor(
    private readonly adapter: HttpAdapterHost,
    private readonly policy: UpgradePolicy,
    private readonly connections: Connections,
    private readonly metrics: GatewayMetrics,
  ) {}

  onApplicationBootstrap(): void {
    // Refusals by ws itself, which would lack our headers; the policy leaves few of them.
    this.#server.on('wsClientError', (_error, socket) => this.policy.answer(socket, NO_HANDSHAKE));
    this.#server.on('headers', (lines) =>
      lines.push(...Object.entries(requestIdHeader()).map((pair) => pair.join(': '))),
    );
    const server = this.adapter.httpAdapter.getHttpServer() as Server;
    const ordinary = new OrdinaryRequests(server);
    server.on('upgrade', (request, socket: Socket, head) => {
      if (!asksForWebSocket(request)) return ordinary.serve(request, socket, head);
      const facts = this.policy.facts(request);
      void inRequest(facts.requestId, () => this.#upgrade(request, facts, socket, head));
    });
  }

  /** In the first phase of the shutdown, because Apollo's own hook waits until the HTTP server has no sockets left. */
  async onModuleDestroy(): Promise<void> {
    this.#draining = true;
    await this.connections.drain();
    this.#server.close();
  }

  async #upgrade(request: IncomingMessage, facts: ConnectionFacts, socket: Socket, head: Buffer): Promise<void> {
    const drop = (): void => void socket.destroy();
    socket.on('error', drop);
    const refusal = await this.policy.check(request, facts, this.#draining);
    if (refusal) {
      socket.setTimeout(CLOSE_TIMEOUT_MS, drop);
      this.metrics.refused(refusal, facts);
      this.policy.answer(socket, refusal);
      return;
    }
    if (socket.destroyed) return;
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      socket.off('error', drop);
      this.connections.open(webSocket, socket, facts);
    });
  }
}
