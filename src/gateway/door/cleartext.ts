import type { IncomingMessage } from 'node:http';
import type { HttpConfig } from '../../config/config.js';
import { addressIn, normalizeAddress, parseAddressRanges } from '../../viewer/client-address.js';

/**
 * Makes the test whether a request reached a trusted proxy in the clear although people are to use https:
 * what it carries was readable on the way, so it is refused and not redirected (ASVS 4.1.2).
 */
export function cleartextTest(http: HttpConfig): (request: IncomingMessage) => boolean {
  const trusted = parseAddressRanges(http.trustedProxies);
  return (request) =>
    http.secure &&
    request.headers['x-forwarded-proto'] === 'http' &&
    addressIn(normalizeAddress(request.socket.remoteAddress ?? '') ?? '', trusted);
}
