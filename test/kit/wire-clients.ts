import { WebSocket } from 'ws';
import { createLiveClient, type LiveClient, type LiveClientOptions } from '../../client/index.js';
import { WireServer, type WireConnection } from './wire-server.js';

export const QUERY = 'subscription { notifications { id } }';

/** A scripted server and a test's clients, which are stopped together. */
export class WireClients {
  readonly #cleanups: (() => unknown)[] = [];

  private constructor(public server: WireServer) {}

  static async start(): Promise<WireClients> {
    return new WireClients(await WireServer.listen());
  }

  /** Runs `cleanup` when the test ends, in reverse order. */
  atEnd(cleanup: () => unknown): void {
    this.#cleanups.push(cleanup);
  }

  async end(): Promise<void> {
    for (const cleanup of this.#cleanups.splice(0).reverse()) await cleanup();
    await this.server.stop();
  }

  /** Stops the server and frees its port; the returned function starts it again. */
  async stopServer(): Promise<() => Promise<void>> {
    const { port } = this.server;
    await this.server.stop();
    return async () => void (this.server = await WireServer.listen(port));
  }

  /** Returns a client of the scripted server; its tokens are `token-1`, `token-2`, … */
  connect(options: Partial<LiveClientOptions> = {}): LiveClient {
    let made = 0;
    const client = createLiveClient({
      url: this.server.url,
      webSocketImpl: WebSocket,
      getToken: async () => `token-${++made}`,
      lazyCloseTimeout: 0,
      ...options,
    });
    this.atEnd(() => client.dispose());
    return client;
  }

  /** Subscribes. `next()` waits for another value. */
  follow(client: LiveClient, payload = { query: QUERY }) {
    const values = client.iterate<{ n: number }>(payload);
    this.atEnd(() => values.return?.());
    const next = async (): Promise<number | undefined> => {
      const result = await values.next();
      return result.done ? undefined : result.value.data?.n;
    };
    return { next, values };
  }
}

/** Sends one value from the scripted server. */
export function sendNext(connection: WireConnection, id: string | undefined, n: number, extensions: object = {}): void {
  if (id === undefined) throw new Error('no operation id');
  connection.send({ type: 'next', id, payload: { data: { n }, extensions } });
}

/** Returns the ISO 8601 time this many milliseconds from now. */
export const isoAfter = (ms: number): string => new Date(Date.now() + ms).toISOString();
