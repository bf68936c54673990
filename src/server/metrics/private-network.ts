import type { IncomingMessage } from 'node:http';
import { parseAddressRanges, peerTest } from '../../live/viewer/client-address.js';

/** Loopback, private (RFC 1918, RFC 4193) and link-local addresses (RFC 3927, RFC 4291). */
const isPrivate = peerTest(
  parseAddressRanges([
    ...['127.0.0.0/8', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '169.254.0.0/16'],
    ...['::1', 'fc00::/7', 'fe80::/10'],
  ]),
);
/** The headers that proxies add. */
const OF_PROXIES = /^(?:x-forwarded-.+|forwarded|x-real-ip|via)$/;

/** Whether a request comes from this machine or a private network, and through no proxy, which might pass on anyone's. */
export function isFromPrivateNetwork({ socket, headers }: Pick<IncomingMessage, 'socket' | 'headers'>): boolean {
  return isPrivate(socket.remoteAddress) && !Object.keys(headers).some((name) => OF_PROXIES.test(name));
}
