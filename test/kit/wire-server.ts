import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import { SUBPROTOCOL } from '../../src/protocol/payload.js';

/** A message of the subprotocol. */
export interface WireMessage {
  readonly type: string;
  readonly id?: string;
  readonly payload?: Record<string, unknown>;
}

/** The server's side of one client's connection; the test decides what it sends. */
export class WireConnection {
  readonly #messages: WireMessage[] = [];
  readonly closed: Promise<number>;
  #wake = (): void => {};

  constructor(private readonly socket: WebSocket) {
    socket.on('message', (data: Buffer) => {
      this.#messages.push(JSON.parse(data.toString()) as WireMessage);
      this.#wake();
    });
    this.closed = once(socket, 'close').then(([code]) => Number(code));
  }

  /** Waits for the next message of this type and skips others. */
  async receive(type: string): Promise<WireMessage> {
    for (;;) {
      for (let message = this.#messages.shift(); message; message = this.#messages.shift()) {
        if (message.type === type) return message;
      }
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  send(message: WireMessage): void {
    this.socket.send(JSON.stringify(message));
  }

  /** Stops reading, like a process that hangs; it can still send. */
  freeze(): void {
    this.socket.pause();
  }

  /** Resolves when the operating system has taken all sent bytes. */
  async written(): Promise<void> {
    while (this.socket.bufferedAmount > 0) await new Promise((resolve) => void setImmediate(resolve));
  }

  close(code: number): void {
    this.socket.close(code);
  }

  /** Cuts the connection without a Close frame, like a killed process. */
  cut(): void {
    this.socket.terminate();
  }
}

/** A scripted `graphql-transport-ws` server that can send what a healthy server never does. */
export class WireServer {
  readonly #waiting: ((connection: WireConnection) => void)[] = [];
  readonly #arrived: WireConnection[] = [];

  private constructor(private readonly server: WebSocketServer) {
    server.on('connection', (socket) => {
      const connection = new WireConnection(socket);
      const waiter = this.#waiting.shift();
      if (waiter) waiter(connection);
      else this.#arrived.push(connection);
    });
  }

  static async listen(port = 0): Promise<WireServer> {
    const server = new WebSocketServer({ port, host: '127.0.0.1', handleProtocols: () => SUBPROTOCOL });
    await once(server, 'listening');
    return new WireServer(server);
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}/graphql`;
  }

  /** Waits for the next connection, before its first message. */
  next(): Promise<WireConnection> {
    const arrived = this.#arrived.shift();
    return arrived ? Promise.resolve(arrived) : new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Acknowledges the next connection; returns it with its `connection_init` payload. */
  async admit(expiresAt?: string): Promise<{ connection: WireConnection; init: Record<string, unknown> }> {
    const connection = await this.next();
    const { payload = {} } = await connection.receive('connection_init');
    connection.send({ type: 'connection_ack', payload: { ...(expiresAt ? { expiresAt } : {}), resumable: true } });
    return { connection, init: payload };
  }

  /** Cuts every connection and frees the port. */
  async stop(): Promise<void> {
    for (const socket of this.server.clients) socket.terminate();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
