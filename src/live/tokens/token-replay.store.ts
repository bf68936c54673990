/** Remembers which tokens have opened a socket, where `TOKEN_SINGLE_USE` asks for it. */
export abstract class TokenReplayStore {
  /**
   * Takes a token's only use. Of two that claim it at once, one gets it.
   *
   * @param tokenId the token's `jti`
   * @param expiresAtSeconds until when to remember it, in seconds since the epoch
   * @returns false when it was used before
   * @throws UnavailableError when the memory is unavailable or full: nobody is then let in
   */
  abstract claim(tokenId: string, expiresAtSeconds: number): Promise<boolean>;
}
