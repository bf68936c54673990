import { Injectable } from '@nestjs/common';
import { ConnectionAuthenticator, type Verdict } from '../../live/gateway/connection-authenticator.js';
import { SingleUse } from '../../live/tokens/single-use.js';
import { TokenService } from '../../live/tokens/token.service.js';
import { accountViewer, userIdOf } from './account-viewer.js';
import { SessionLookup } from './session-lookup.js';
import { isUuid } from '../database/schema.js';

/**
 * Verifies the token of `me`, which opens a socket while its session is valid. A valid signature alone is not enough.
 */
@Injectable()
export class AccountAuthenticator extends ConnectionAuthenticator {
  override readonly name = 'account';

  constructor(
    private readonly tokens: TokenService,
    private readonly sessions: SessionLookup,
    private readonly singleUse: SingleUse,
  ) {
    super();
  }

  override recognises(token: string): boolean {
    return this.tokens.recognises(token);
  }

  override async authenticate(token: string): Promise<Verdict> {
    const reading = this.tokens.read(token);
    if (!reading.ok) return reading;
    const { viewerId, sessionId, tokenId, expiresAtSeconds } = reading.claims;
    const userId = userIdOf(viewerId);
    if (userId === null || !isUuid(sessionId)) return { ok: false, reason: 'invalid' };
    const status = await this.sessions.statusOf({ userId, sessionId });
    if (!status.ok) return status;
    const once = this.singleUse.of(tokenId, expiresAtSeconds);
    const viewer = accountViewer(userId, sessionId, viewerId);
    return {
      ok: true,
      grant: { viewer, standsOn: { session: sessionId }, expiresAt: status.endsAt, ...once },
    };
  }
}
