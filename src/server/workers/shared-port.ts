import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';

/**
 * Finds out whether a port is free, before workers share it: sockets with `SO_REUSEPORT` would share it with another
 * server of this user as well, and take half of its connections.
 *
 * @returns the port; one that was just free for 0
 * @throws the system's error, `EADDRINUSE` where something listens
 */
export async function freeToShare(port: number, host: string): Promise<number> {
  const server = createServer().listen({ port, host, exclusive: true });
  await once(server, 'listening');
  const { port: found } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return found;
}

/**
 * What a worker adds to the options of `listen`: the kernel spreads connections over the sockets of all workers. Node
 * before 22.12 does not know the option, and its primary hands connections to the workers in turn.
 */
export const SHARES_PORT = process.platform === 'linux' ? { reusePort: true } : {};
