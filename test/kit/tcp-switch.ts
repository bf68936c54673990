import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A simple load balancer: one address that sends each new connection to the current target. */
export class TcpSwitch {
  readonly #sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private target: string,
  ) {}

  /** @param target the URL of the first server */
  static async listen(target: string): Promise<TcpSwitch> {
    const server = createServer();
    const made = new TcpSwitch(server, target);
    server.on('connection', (socket) => made.#join(socket));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return made;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Changes the target of new connections; existing ones stay. */
  choose(target: string): void {
    this.target = target;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  #join(client: Socket): void {
    const upstream = connect(Number(new URL(this.target).port), '127.0.0.1');
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      this.#sockets.add(from);
      from.on('error', () => to.destroy()).on('close', () => (this.#sockets.delete(from), to.destroy()));
      from.pipe(to);
    }
  }
}
