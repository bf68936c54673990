import { Inject, Injectable } from '@nestjs/common';
import { TOKEN_CONFIG, type TokenConfig } from '../../live/live.config.js';
import { accountViewer } from '../../live/viewer/viewer.js';
import { SessionLookup } from './session-lookup.js';
import { ConnectionTokenVerifier, type TokenVerdict } from '../../live/tokens/connection-token.verifier.js';
import { TokenService } from '../../live/tokens/token.service.js';
import { UsedTokens } from '../../live/tokens/token-replay.store.js';

/** Lets an account's token open a socket while its session lives: a good signature alone is not enough. */
@Injectable()
export class AccountTokenVerifier extends ConnectionTokenVerifier {
  constructor(
    private readonly tokens: TokenService,
    private readonly sessions: SessionLookup,
    private readonly used: UsedTokens,
    @Inject(TOKEN_CONFIG) private readonly config: TokenConfig,
  ) {
    super();
  }

  override recognises(token: string): boolean {
    return this.tokens.recognises(token);
  }

  override async verify(token: string): Promise<TokenVerdict> {
    const reading = this.tokens.read(token);
    if (!reading.ok) return reading;
    const { userId, sessionId, tokenId, expiresAtSeconds } = reading.claims;
    const standing = await this.sessions.standingOf({ userId, sessionId });
    if (!standing.ok) return standing;
    if (this.config.singleUse && !(await this.used.claim(tokenId, expiresAtSeconds)))
      return { ok: false, reason: 'used' };
    return { ok: true, viewer: accountViewer(userId, sessionId), expiresAtMs: standing.endsAt.getTime() };
  }
}
