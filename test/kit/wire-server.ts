import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import { SUBPROTOCOL } from '../../src/protocol/payload.js';

/** One message of the sub-protocol. */
export interface WireMessage {
  readonly type: string;
  readonly id?: string;
  readonly payload?: Record<string, unknown>;
}

/** One client's connection, as the server sees it; the test says what the server answers. */
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

  /** The next message of this type, skipping others. */
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

  /** Stops reading, as a process that stands still does; what it sends from now on goes out all the same. */
  freeze(): void {
    this.socket.pause();
  }

  /** Resolves when the operating system has taken everything that was sent. */
  async written(): Promise<void> {
    while (this.socket.bufferedAmount > 0) await new Promise((resolve) => void setImmediate(resolve));
  }

  close(code: number): void {
    this.socket.close(code);
  }

  /** Cuts the line without a word, as a killed process does. */
  cut(): void {
    this.socket.terminate();
  }
}

/** A server that speaks the wire word by word, for what a healthy one never does. */
export class WireServer {
  readonly #waiting: ((connection: WireConnection) => void)[] = [];
  readonly #arrived: WireConnection[] = [];

  private constructor(private readonly server: WebSocketServer) {
    server.on('connection', (socket) => {
      const connection = new WireConnection(socket);
      const taker = this.#waiting.shift();
      if (taker) taker(connection);
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

  /** The next connection, before it has said anything. */
  next(): Promise<WireConnection> {
    const arrived = this.#arrived.shift();
    return arrived ? Promise.resolve(arrived) : new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The next connection, acknowledged, with what it sent to be let in. */
  async admit(expiresAt?: string): Promise<{ connection: WireConnection; init: Record<string, unknown> }> {
    const connection = await this.next();
    const { payload = {} } = await connection.receive('connection_init');
    connection.send({ type: 'connection_ack', payload: { ...(expiresAt ? { expiresAt } : {}), resumable: true } });
    return { connection, init: payload };
  }

  /** Cuts everybody and frees the port. */
  async stop(): Promise<void> {
    for (const socket of this.server.clients) socket.terminate();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
