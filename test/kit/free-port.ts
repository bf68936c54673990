import { createServer } from 'node:net';

/** Below the range from which the system takes the ports of outgoing connections, or else one of those may be faster. */
const LOWEST = 10_000;
const HIGHEST = 32_000;
const ATTEMPTS = 20;

/** A port that was free a moment ago, for servers that must know their own address before they listen. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST));
    if (await isFree(port)) return port;
  }
  throw new Error(`No free port found between ${LOWEST} and ${HIGHEST}.`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.on('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
