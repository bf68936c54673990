/** Stores which tokens have opened a socket, for `TOKEN_SINGLE_USE`. */
export abstract class TokenReplayStore {
  /**
   * Claims a token's only use. Of two concurrent claims one succeeds.
   *
   * @param tokenId the token's `jti`
   * @param expiresAtSeconds until when to remember it, in seconds since the epoch
   * @returns false when it was used before
   * @throws UnavailableError when the memory is unavailable or full: the token is then refused
   */
  abstract claim(tokenId: string, expiresAtSeconds: number): Promise<boolean>;
}
