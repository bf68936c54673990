import { createServer } from 'node:net';

/** Whether a port of this machine can be listened on right now.
 * @param {number} port
 * @returns {Promise<boolean>}
 */
export function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.on('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/**
 * The first free port from `from` on; a hundred are tried.
 * @param {number} from
 * @returns {Promise<number>}
 */
export async function firstFreePort(from) {
  for (let port = from; port < from + 100; port += 1) if (await isFree(port)) return port;
  throw new Error(`No port from ${from} to ${from + 99} is free: stop what listens there.`);
}

/**
 * A port that was just free: below the range of outgoing connections, which could otherwise take it, and above the ports
 * that fetch refuses, of which 10080 is the last (Fetch Standard, "port blocking").
 * @returns {Promise<number>}
 */
export async function freePort() {
  for (;;) {
    const port = 11_000 + Math.floor(Math.random() * 21_000);
    if (await isFree(port)) return port;
  }
}
