/** A clock that is set back, or another node's clock, may accept the token for longer than this node's. */
const CLOCK_SLACK_SECONDS = 5 * 60;

/** How many seconds from now a used token must be remembered. */
export function rememberSeconds(expiresAtSeconds: number): number {
  return Math.max(1, expiresAtSeconds - Math.floor(Date.now() / 1000) + CLOCK_SLACK_SECONDS);
}

/** Stores which tokens have opened a socket, for `TOKEN_SINGLE_USE`. */
export abstract class TokenReplayStore {
  /**
   * Claims a token's only use. Of two concurrent claims one succeeds.
   *
   * @param tokenId the token's `jti`
   * @param expiresAtSeconds until when to remember it, in seconds since the epoch
   * @returns false when it was used before
   * @throws UnavailableError when the store is unavailable or full: the token is then refused
   */
  abstract claim(tokenId: string, expiresAtSeconds: number): Promise<boolean>;
}
