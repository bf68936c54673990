import { Inject, Injectable } from '@nestjs/common';
import { TOKEN_CONFIG, type TokenConfig } from '../live.config.js';
import { TokenReplayStore } from './token-replay.store.js';

/** Lets a token open one socket if `TOKEN_SINGLE_USE` is set, and any number otherwise. */
@Injectable()
export class SingleUse {
  constructor(
    private readonly store: TokenReplayStore,
    @Inject(TOKEN_CONFIG) private readonly config: TokenConfig,
  ) {}

  /**
   * Claims a token for one socket. An authenticator leaves this to the gateway with `Grant.claim`, because it comes
   * after every other check.
   *
   * @param tokenId the token's `jti`
   * @param expiresAtSeconds when the token expires, in seconds since the epoch; rounded up
   * @returns false if the token has opened a socket before; always true without `TOKEN_SINGLE_USE`
   * @throws UnavailableError when the store is unavailable or full
   */
  async claim(tokenId: string, expiresAtSeconds: number): Promise<boolean> {
    return !this.config.singleUse || (await this.store.claim(tokenId, Math.ceil(expiresAtSeconds)));
  }
}
