import type { IncomingMessage } from 'node:http';
import type { GatewayConfig } from '../../live.config.js';
import { peerTest } from '../../viewer/client-address.js';

/** The schemes that are encrypted in transit. */
const ENCRYPTED = new Set(['https', 'wss']);

/**
 * Creates the check whether a request reached a trusted proxy over http although `PUBLIC_URL` is https. Its contents
 * were readable in transit, so it is refused, not redirected (OWASP ASVS 5.0, 4.1.2).
 *
 * `X-Forwarded-Proto` may be a list to which several proxies each add an entry. One http entry is enough: the nearest
 * proxy's entry is on the right and a client's own is on the left, so neither end alone can be trusted.
 */
export function cleartextTest({
  secure,
  trustedProxies,
}: Pick<GatewayConfig, 'secure' | 'trustedProxies'>): (request: IncomingMessage) => boolean {
  const isTrusted = peerTest(trustedProxies);
  return (request) => {
    const proto = secure ? request.headers['x-forwarded-proto'] : undefined;
    if (!proto) return false;
    const hops = [proto].flat().join().toLowerCase().split(',');
    return !hops.every((hop) => ENCRYPTED.has(hop.trim())) && isTrusted(request.socket.remoteAddress);
  };
}
