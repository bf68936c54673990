import type { IncomingMessage } from 'node:http';
import { type AddressRange, clientAddress } from './client-address.js';
import type { ClientFacts } from './graphql-context.js';

const MAX_USER_AGENT_LENGTH = 512;

/**
 * Reads who is calling from a raw request: the same for HTTP and for the upgrade.
 *
 * @param trusted `TRUSTED_PROXIES`, parsed
 */
export function clientFacts(request: IncomingMessage, trusted: readonly AddressRange[]): ClientFacts {
  const forwarded = request.headers['x-forwarded-for'];
  const forwardedFor = Array.isArray(forwarded) ? forwarded.join(',') : forwarded;
  return {
    address: clientAddress(request.socket.remoteAddress, forwardedFor, trusted),
    userAgent: request.headers['user-agent']?.slice(0, MAX_USER_AGENT_LENGTH) ?? null,
  };
}
