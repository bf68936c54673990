import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A connection through the proxy. */
interface ProxiedConnection {
  readonly inside: Socket;
  readonly outside: Socket;
  /** Whether it has subscribed to Redis channels. */
  isSubscriber: boolean;
}

/** A proxy in front of a server that a test can cut, silence, heal and redirect. */
export class TcpProxy {
  readonly #connections = new Set<ProxiedConnection>();
  readonly #server: Server;
  #isCut = false;
  #isSilent: (connection: ProxiedConnection) => boolean = () => false;

  private constructor(private target: number) {
    this.#server = createServer((inside) => this.#take(inside));
  }

  /** Starts a proxy in front of a local port. */
  static async start(target: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Breaks every connection and refuses new ones. */
  cut(): void {
    this.#isCut = true;
    this.#breakAll();
  }

  /** Drops bytes in both directions, on all connections or only on those that subscribe to channels. */
  silence(which: 'all' | 'subscribers' = 'all'): void {
    this.#isSilent = which === 'all' ? () => true : ({ isSubscriber }) => isSubscriber;
  }

  /** Accepts connections again. Silenced connections have lost bytes and are closed. */
  heal(): void {
    const wasSilent = this.#isSilent;
    this.#isCut = false;
    this.#isSilent = () => false;
    for (const connection of this.#connections) if (wasSilent(connection)) connection.inside.destroy();
  }

  /** Connects new clients to another local port; existing connections stay. */
  redirect(target: number): void {
    this.target = target;
  }

  async stop(): Promise<void> {
    this.#breakAll();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #breakAll(): void {
    for (const { inside, outside } of this.#connections) {
      inside.destroy();
      outside.destroy();
    }
  }

  #take(inside: Socket): void {
    if (this.#isCut) {
      inside.destroy();
      return;
    }
    const connection = { inside, outside: connect(this.target, '127.0.0.1'), isSubscriber: false };
    this.#connections.add(connection);
    const { outside } = connection;
    inside.on('data', (bytes: Buffer) => {
      if (/subscribe\r\n/i.test(bytes.toString('latin1'))) connection.isSubscriber = true;
      if (!this.#isSilent(connection)) outside.write(bytes);
    });
    outside.on('data', (bytes: Buffer) => {
      if (!this.#isSilent(connection)) inside.write(bytes);
    });
    const end = (): void => {
      this.#connections.delete(connection);
      inside.destroy();
      outside.destroy();
    };
    for (const socket of [inside, outside]) socket.on('close', end).on('error', end);
  }
}
