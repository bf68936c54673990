import type { ServerConfig } from '../config/config.js';

const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

/** The origins of this server's own pages: `PUBLIC_URL`; outside production also the loopback names of its port. */
export function ownOriginsOf({ publicUrl, production, port }: ServerConfig): readonly string[] {
  const loopback = production ? [] : LOOPBACK.map((host) => new URL(`http://${host}:${port}`).origin);
  return [publicUrl, ...loopback];
}
