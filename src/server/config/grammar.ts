import ipaddr from 'ipaddr.js';

const DOMAIN = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+$/;

/** Whether text is an http(s) origin and nothing more: scheme, host and optionally a port; no path, no user. */
export function isHttpOrigin(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return (url.protocol === 'https:' || url.protocol === 'http:') && (text === url.origin || text === `${url.origin}/`);
}

/** Whether text is an IP address or a CIDR. */
export function isAddressOrRange(text: string): boolean {
  return text.includes('/') ? ipaddr.isValidCIDR(text) : ipaddr.isValid(text);
}

/** Whether text is a lower-case domain name of at least two labels. */
function isDomain(text: string): boolean {
  return DOMAIN.test(text);
}

/**
 * Parses one shop: its myshopify.com domain, then, after `=` and separated by `|`, the domains or origins that its
 * customers see, such as `demo.myshopify.com=www.demo.example|https://demo.example:8443`. Null if it is invalid.
 */
export function parseShop(text: string): { readonly domain: string; readonly origins: readonly string[] } | null {
  const [domain = '', own, ...rest] = text.split('=');
  const others = own === undefined ? [] : own.split('|');
  if (!isDomain(domain) || rest.length > 0 || !others.every((other) => isDomain(other) || isHttpOrigin(other)))
    return null;
  return {
    domain,
    origins: [domain, ...others].map((other) => (isDomain(other) ? `https://${other}` : new URL(other).origin)),
  };
}

/** Whether a host name or address is loopback. */
export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  if (bare === 'localhost' || bare.endsWith('.localhost')) return true;
  return ipaddr.isValid(bare) && ipaddr.process(bare).range() === 'loopback';
}

/** The shortest prefix that one organisation may own: 10.0.0.0/8 and fc00::/7. */
const SHORTEST_PREFIX = { ipv4: 8, ipv6: 7 } as const;
const MAPPED_BITS = 96;

/**
 * Whether a range is so wide that it covers other organisations' addresses, such as 0.0.0.0/0, ::/0 or ::ffff:0:0/96.
 */
export function coversStrangers(addressOrRange: string): boolean {
  if (!addressOrRange.includes('/')) return false;
  const [address, prefix] = ipaddr.parseCIDR(addressOrRange);
  if (address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress())
    return prefix < MAPPED_BITS + SHORTEST_PREFIX.ipv4;
  return prefix < SHORTEST_PREFIX[address.kind()];
}
