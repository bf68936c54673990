import { type AddressRange, addressIn, forwardedEntries, normalizeAddress } from '../../live/viewer/client-address.js';

/**
 * The visitor's address as the shop's proxy wrote it, or null where it wrote none. Only for a request whose signature holds.
 *
 * Every proxy adds, on the right, the address that it was called from. Seen from us the list ends with what our own
 * (trusted) proxies wrote: first the address of the shop's proxy, then each other's. One step further left stands what the
 * shop's proxy wrote itself. With no proxy of our own the shop's proxy is the peer, and its entry is the last one.
 * What stands still further left came with the visitor and may say anything. A list that is too short for this (a shop's proxy
 * among the trusted ones, a proxy of ours that overwrites the list) gives its first entry: the visitor, or an address that no
 * socket comes from.
 *
 * @param peer the socket's remote address
 * @param forwardedFor the `X-Forwarded-For` header as it came
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
