import { Inject, Injectable } from '@nestjs/common';
import { TOKEN_CONFIG, type TokenConfig } from '../live.config.js';
import { TokenReplayStore } from './token-replay.store.js';

/** The part of a token's grant with which the gateway claims the token for one socket, after every other check. */
export interface TokenClaim {
  /**
   * Returns false if the token has opened or refreshed a socket before. Absent: it may do so any number of times.
   *
   * @throws UnavailableError when the store is unavailable or full
   */
  readonly claim?: () => Promise<boolean>;
}

const REUSABLE: TokenClaim = {};

/** Lets a token open or refresh one socket if `TOKEN_SINGLE_USE` is set, and any number otherwise. */
@Injectable()
export class SingleUse {
  constructor(
    private readonly store: TokenReplayStore,
    @Inject(TOKEN_CONFIG) private readonly config: TokenConfig,
  ) {}

  /**
   * The claim of a token, to be added to its grant; empty without `TOKEN_SINGLE_USE`.
   *
   * @param tokenId the token's `jti`
   * @param expiresAtSeconds when the token expires, in seconds since the epoch; rounded up
   */
  of(tokenId: string, expiresAtSeconds: number): TokenClaim {
    if (!this.config.singleUse) return REUSABLE;
    return { claim: () => this.store.claim(tokenId, Math.ceil(expiresAtSeconds)) };
  }
}
