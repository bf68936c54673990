import { isIP, isIPv4 } from 'node:net';
import ipaddr from 'ipaddr.js';
import type { IncomingMessage } from 'node:http';
import type { ClientFacts } from './graphql-context.js';

/** An address range, as ipaddr.js parses `10.0.0.0/8`. */
export type AddressRange = [ipaddr.IPv4 | ipaddr.IPv6, number];

/** How much of `X-Forwarded-For` is read, in characters from its right end, where our proxies and a shop's append. */
const MAX_FORWARDED_LENGTH = 2048;

/**
 * Reads `10.1.2.3`, `10.0.0.0/8`, `::1` or `fd00::/8`; null when it is none of these. A range of IPv4-mapped addresses
 * is the range of IPv4, as addresses are normalised.
 */
export function parseAddressRange(text: string): AddressRange | null {
  // ipaddr.js would read 10/8 as 0.0.0.10/8, and 010.0.0.1 as 8.0.0.1.
  if (isIP(text.split('/')[0]!) === 0) return null;
  try {
    if (text.includes('/')) return unmapped(ipaddr.parseCIDR(text));
    const address = ipaddr.process(text);
    return [address, address.kind() === 'ipv4' ? 32 : 128];
  } catch {
    return null;
  }
}

/** The shortest prefix that one organisation may own: 10.0.0.0/8 and fc00::/7. */
const SHORTEST_PREFIX = { ipv4: 8, ipv6: 7 } as const;
const MAPPED_BITS = 96;

function unmapped([address, prefix]: AddressRange): AddressRange {
  const isMapped = address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() && prefix >= MAPPED_BITS;
  return isMapped ? [address.toIPv4Address(), prefix - MAPPED_BITS] : [address, prefix];
}

/**
 * Whether a range is so wide that it covers other organisations' addresses, such as 0.0.0.0/0, ::/0 or ::ffff:0:0/96.
 */
export function isTooWide(addressOrRange: string): boolean {
  if (!addressOrRange.includes('/')) return false;
  const [address, prefix] = ipaddr.parseCIDR(addressOrRange);
  if (address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress())
    return prefix < MAPPED_BITS + SHORTEST_PREFIX.ipv4;
  return prefix < SHORTEST_PREFIX[address.kind()];
}

/** Whether a normalised address lies in one of the ranges. */
export function addressIn(address: string, ranges: readonly AddressRange[]): boolean {
  if (ranges.length === 0) return false;
  const parsed = isIPv4(address) ? ipaddr.IPv4.parse(address) : ipaddr.isValid(address) && ipaddr.process(address);
  if (!parsed) return false;
  return ranges.some(([base, bits]) => base.kind() === parsed.kind() && parsed.match(base, bits));
}

/** Creates a test whether a socket's remote address, as Node reports it, is in one of the ranges. */
export function peerTest(ranges: readonly AddressRange[]): (peer: string | undefined) => boolean {
  return (peer) => ranges.length > 0 && addressIn(normalizeAddress(peer ?? '') ?? '', ranges);
}

/** Normalises an address: IPv4-mapped IPv6 as IPv4, IPv6 compressed. Null if it is not an address. */
export function normalizeAddress(text: string): string | null {
  // Four plain decimals have one spelling only.
  if (isIPv4(text)) return text;
  const bare = text
    .trim()
    .replace(/^\[(.*)\](?::\d+)?$/, '$1')
    .replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, '$1')
    .replace(/%.*$/, '');
  // ipaddr.js would read 1.2.3 as 1.2.0.3, and 010.0.0.1 as 8.0.0.1.
  return isIP(bare) === 0 ? null : ipaddr.process(bare).toString();
}

/**
 * The entries of `X-Forwarded-For` in order. Of a longer header only complete entries at the right end are read, so
 * that a visitor cannot hide the real entries by prepending others.
 */
export function forwardedEntries(header: string): string[] {
  const entries = header.slice(-MAX_FORWARDED_LENGTH).split(',');
  return header.length > MAX_FORWARDED_LENGTH ? entries.slice(1) : entries;
}

/**
 * The client's address: the peer itself, or, if the peer is a trusted proxy, the rightmost untrusted entry of
 * `X-Forwarded-For`. The same on HTTP and on the upgrade.
 *
 * @param peer the socket's remote address
 * @param forwardedFor the `X-Forwarded-For` header as received; ignored unless the peer is trusted
 * @param trusted `TRUSTED_PROXIES`; empty means that no proxy is trusted
 */
export function clientAddress(
  peer: string | undefined,
  forwardedFor: string | undefined,
  trusted: readonly AddressRange[],
): string {
  const direct = normalizeAddress(peer ?? '') ?? 'unknown';
  if (!forwardedFor || !addressIn(direct, trusted)) return direct;
  let nearest = direct;
  for (const entry of forwardedEntries(forwardedFor).reverse()) {
    const hop = normalizeAddress(entry);
    if (hop === null) return nearest;
    nearest = hop;
    if (!addressIn(hop, trusted)) return hop;
  }
  return nearest;
}

/** The IPv6 prefix lengths of one household, one site and one customer of a provider, the narrowest first, in bits. */
const IPV6_PREFIXES = [64, 56, 48] as const;

/** The unit that per-address limits count: the address for IPv4, its /64 for IPv6 (one household or server). */
export function addressBlock(address: string): string {
  return addressBlocks(address)[0] ?? address;
}

/** The widest network that one customer may have: the address for IPv4, its /48 for IPv6. */
export function networkOf(address: string): string {
  return addressBlocks(address).at(-1) ?? address;
}

/**
 * The networks of an address, the narrowest first: only the address for IPv4; for IPv6 its /64, /56 and /48, since the
 * holder of a wider prefix may use a new /64 for each request.
 */
export function addressBlocks(address: string): readonly string[] {
  if (isIPv4(address) || !ipaddr.isValid(address)) return [address];
  const parsed = ipaddr.process(address);
  if (parsed.kind() === 'ipv4') return [parsed.toString()];
  const bytes = parsed.toByteArray();
  return IPV6_PREFIXES.map((bits) => {
    const network = bytes.map((byte, index) => (index < bits / 8 ? byte : 0));
    return `${ipaddr.fromByteArray(network).toString()}/${bits}`;
  });
}

/** Parses the ranges of a configuration that was checked already. Called once, when the configuration is read. */
export function parseAddressRanges(texts: readonly string[]): AddressRange[] {
  return texts.map(parseAddressRange).filter((range) => range !== null);
}

const MAX_USER_AGENT_LENGTH = 512;

/**
 * Reads the client's address and user agent from a raw request, for HTTP and upgrades.
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
