import type { IncomingMessage } from 'node:http';
import type { HttpConfig } from '../../live.config.js';
import { peerTest } from '../../viewer/client-address.js';

/** The schemes that are encrypted in transit. */
const ENCRYPTED = new Set(['https', 'wss']);

/**
 * Makes the test whether a request reached a trusted proxy in the clear although people are to use https:
 * what it carries was readable on the way, so it is refused and not redirected (ASVS 4.1.2).
 *
 * `X-Forwarded-Proto` may be a list where several proxies each add their own entry. One entry in the clear is enough: the
 * entry of the nearest proxy stands on the right, and what a client sent itself stands on the left, so neither end alone is the truth.
 */
export function cleartextTest(http: HttpConfig): (request: IncomingMessage) => boolean {
  const isTrusted = peerTest(http.trustedProxies);
  return (request) => {
    const proto = http.secure ? request.headers['x-forwarded-proto'] : undefined;
    if (!proto) return false;
    const hops = [proto].flat().join().toLowerCase().split(',');
    return !hops.every((hop) => ENCRYPTED.has(hop.trim())) && isTrusted(request.socket.remoteAddress);
  };
}
