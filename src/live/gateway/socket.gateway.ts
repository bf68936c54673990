import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { WebSocketServer } from 'ws';
import { GATEWAY_CONFIG, type GatewayConfig } from '../live.config.js';
import { REQUEST_ID_HEADER } from '../logging/request-id.js';
import type { ConnectionFacts } from './connection/connection.js';
import { CLOSE_TIMEOUT_MS, type GatewaySocket, SOCKET_OPTIONS } from './connection/gateway-socket.js';
import { Connections } from './connections.js';
import { asksForWebSocket, OrdinaryRequests } from './admission/ordinary-request.js';
import { UpgradePolicy } from './admission/upgrade.policy.js';
import type { UpgradeRefusal } from './admission/upgrade-refusal.js';

const NO_HANDSHAKE: UpgradeRefusal = { status: 400, message: 'This is not a WebSocket handshake (RFC 6455 §4.2.1).' };

/**
 * Handles every upgrade of the HTTP server and passes accepted sockets to {@link Connections}. At shutdown it refuses
 * new ones and drains the open ones.
 */
@Injectable()
export class SocketGateway implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #server = new WebSocketServer<typeof GatewaySocket>(SOCKET_OPTIONS);
  #draining: Promise<void> | null = null;
  /** The upgrade that ws is answering, which it does synchronously. */
  #upgrading: ConnectionFacts | null = null;

  constructor(
    private readonly adapter: HttpAdapterHost,
    private readonly policy: UpgradePolicy,
    private readonly connections: Connections,
    @Inject(GATEWAY_CONFIG) private readonly config: GatewayConfig,
  ) {}

  onApplicationBootstrap(): void {
    // Refusals by ws itself, which would lack our headers; the policy leaves few of them.
    this.#server.on('wsClientError', (_error, socket) => this.policy.refuse(socket, NO_HANDSHAKE, this.#upgrading!));
    this.#server.on('headers', (lines) => lines.push(`${REQUEST_ID_HEADER}: ${this.#upgrading!.requestId}`));
    const server = this.adapter.httpAdapter?.getHttpServer() as Server | undefined;
    if (!server || !this.connections.canOpen()) return;
    const ordinary = new OrdinaryRequests(server);
    const take: UpgradeListener = (request, socket, head) => {
      if (!asksForWebSocket(request)) return ordinary.serve(request, socket, head);
      const facts = this.policy.facts(request);
      this.#upgrade(request, facts, socket, head).catch((error: unknown) => this.policy.failed(socket, error, facts));
    };
    drainBeforeClose(server, () => this.#drain());
    if (this.config.sharesServer) takeOurs(server, take, (request) => this.policy.isOurs(request));
    else server.on('upgrade', take);
  }

  /** Early in the shutdown, while the stores are still open. */
  async onModuleDestroy(): Promise<void> {
    await this.#drain();
    this.#server.close();
  }

  get #isDraining(): boolean {
    return this.#draining !== null;
  }

  /** Closes every socket, once. */
  #drain(): Promise<void> {
    return (this.#draining ??= this.connections.drain());
  }

  async #upgrade(request: IncomingMessage, facts: ConnectionFacts, socket: Socket, head: Buffer): Promise<void> {
    const drop = (): void => void socket.destroy();
    socket.on('error', drop);
    const checked = await this.policy.check(request, facts, this.#isDraining);
    // Asked again, with nothing awaited until the socket is open: meanwhile others may have been opened, or a drain begun.
    const refusal = checked ?? this.policy.nodeRefusal(facts, this.#isDraining);
    if (refusal) {
      socket.setTimeout(CLOSE_TIMEOUT_MS, drop);
      return this.policy.refuse(socket, refusal, facts);
    }
    if (socket.destroyed) return;
    this.#upgrading = facts;
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      socket.off('error', drop);
      this.connections.open(webSocket, socket, facts);
    });
  }
}

type UpgradeListener = (request: IncomingMessage, socket: Socket, head: Buffer) => void;

/**
 * Drains as soon as the HTTP server is closed. Nest may stop Apollo before this module, and Apollo closes the server and
 * waits until it has no socket left.
 */
function drainBeforeClose(server: Server, drain: () => Promise<void>): void {
  const close = server.close.bind(server);
  server.close = (callback) => {
    void drain();
    return close(callback);
  };
}

/**
 * Takes the upgrades that are ours, and those that nothing else listens for. Other listeners of the application, such as
 * a Nest gateway or Socket.IO, get only the rest, because many of them end every socket that is not for them. A listener
 * cannot keep an event from the others, so this is decided in `emit`.
 */
function takeOurs(server: Server, take: UpgradeListener, isOurs: (request: IncomingMessage) => boolean): void {
  const emit = server.emit.bind(server) as (event: string, ...values: unknown[]) => boolean;
  server.on('upgrade', (request, socket: Socket, head) => {
    if (server.listenerCount('upgrade') === 1) take(request, socket, head);
  });
  server.emit = (event: string, ...values: unknown[]): boolean => {
    const [request, socket, head] = values as Parameters<UpgradeListener>;
    if (event !== 'upgrade' || !isOurs(request)) return emit(event, ...values);
    take(request, socket, head);
    return true;
  };
}
