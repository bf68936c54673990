/** How far the issuer's clock may be ahead of ours, in seconds. Its expiry has no leeway. */
export const CLOCK_LEEWAY_SECONDS = 5;

/**
 * When a token counts as issued, for revocations of its viewer: after the last one that was known then, and before every
 * later one, although the clock of the node that issued it may be ahead or behind.
 *
 * @param iat its time of issue, in seconds since the epoch, to the millisecond
 * @param rev the last revocation that was known, from `TokenRevocations.lastRevocationMs`. Absent: only `iat` counts
 */
export function issueTime(iat: number, rev: unknown): Date {
  const issuedMs = Math.round(iat * 1000);
  return new Date(typeof rev === 'number' ? Math.max(rev + 1, issuedMs - CLOCK_LEEWAY_SECONDS * 1000) : issuedMs);
}
