import { connect, createServer, type Server, type Socket } from 'node:net';

/** A proxy between a server and its database that can refuse connections or hang. */
export interface DatabaseProxy {
  /** The database's URL through this proxy. */
  readonly url: string;
  /** Breaks every connection and refuses new ones. */
  shut(): Promise<void>;
  /** Accepts connections again after {@link shut}. */
  open(): Promise<void>;
  /** Keeps connections open but forwards nothing, like a database that hangs. */
  hang(): void;
  /** Forwards again after {@link hang}. */
  resume(): void;
  /** Connects new clients to another database; existing connections stay. */
  redirect(url: string): void;
  /** Closes the proxy in any state. */
  end(): Promise<void>;
}

/** Starts a proxy in front of a PostgreSQL server. */
export async function proxyTo(url: string): Promise<DatabaseProxy> {
  let target = new URL(url);
  const pairs = new Set<[Socket, Socket]>();
  let hangs = false;
  const join = ([socket, upstream]: [Socket, Socket]): void => void socket.pipe(upstream).pipe(socket);
  const server = createServer((socket) => {
    const pair: [Socket, Socket] = [socket, connect(Number(target.port || 5432), target.hostname)];
    pairs.add(pair);
    for (const end of pair) {
      end.on('error', () => undefined);
      end.on('close', () => {
        pairs.delete(pair);
        for (const other of pair) other.destroy();
      });
    }
    if (!hangs) join(pair);
  });
  await listen(server, 0);
  const { port } = server.address() as { port: number };
  const proxied = new URL(url);
  proxied.host = `127.0.0.1:${port}`;
  const shut = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const pair of pairs) for (const end of pair) end.destroy();
    await closed;
  };
  return {
    url: proxied.href,
    shut,
    open: () => listen(server, port),
    hang() {
      hangs = true;
      for (const [socket, upstream] of pairs) {
        socket.unpipe(upstream).pause();
        upstream.unpipe(socket).pause();
      }
    },
    resume() {
      hangs = false;
      for (const pair of pairs) join(pair);
    },
    redirect(other) {
      target = new URL(other);
    },
    end: async () => (server.listening ? shut() : undefined),
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
}
