import { type AddressRange, addressIn, forwardedEntries, normalizeAddress } from '../../live/viewer/client-address.js';

/**
 * The visitor's address as the shop's proxy reports it, or null if it reports none. Only for a request with a valid
 * signature.
 *
 * Every proxy appends the address that it was called from. The list ends with the entries of our own (trusted) proxies:
 * first the address of the shop's proxy, then each other's. The entry before them is the one that the shop's proxy
 * wrote. Without a proxy of our own the shop's proxy is the peer, and its entry is the last one. Entries further left
 * came with the visitor and may be forged. If the list is too short (the shop's proxy is among the trusted ones, or one
 * of our proxies overwrites the list), the first entry is used: the visitor, or an address that no socket comes from.
 *
 * @param peer the socket's remote address
 * @param forwardedFor the `X-Forwarded-For` header as received
 * @param trusted `TRUSTED_PROXIES`: our own proxies, never the shop's
 */
export function forwardedVisitor(
  peer: string | undefined,
  forwardedFor: string | undefined,
  trusted: readonly AddressRange[],
): string | null {
  if (!forwardedFor) return null;
  const hops = [...forwardedEntries(forwardedFor), peer ?? ''].map((entry) => normalizeAddress(entry));
  const shopProxy = hops.findLastIndex((hop) => hop === null || !addressIn(hop, trusted));
  if (hops[shopProxy] === null) return null;
  return hops[Math.max(0, shopProxy - 1)] ?? null;
}
