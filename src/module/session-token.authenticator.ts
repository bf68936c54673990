import { Injectable } from '@nestjs/common';
import { ConnectionAuthenticator, type Verdict } from '../live/gateway/connection-authenticator.js';
import { TokenRevocations } from '../live/sessions/token-revocations.js';
import { SingleUse } from '../live/tokens/single-use.js';
import { TokenService } from '../live/tokens/token.service.js';
import { AppSessions } from './app-sessions.js';

/** Verifies the token of `Sallyport.connectionToken`, which opens a socket while the application's session is valid. */
@Injectable()
export class SessionTokenAuthenticator extends ConnectionAuthenticator {
  override readonly name = 'session';

  constructor(
    private readonly tokens: TokenService,
    private readonly sessions: AppSessions,
    private readonly revocations: TokenRevocations,
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
    const { viewerId: viewer, sessionId: session, tokenId, issuedAt, expiresAtSeconds } = reading.claims;
    const [isRevoked, expiresAt] = await Promise.all([
      this.revocations.isRevoked({ viewer, session, issuedAt }),
      this.sessions.endOf(session),
    ]);
    if (isRevoked || expiresAt === null) return { ok: false, reason: 'session-ended' };
    const once = this.singleUse.of(tokenId, expiresAtSeconds);
    return {
      ok: true,
      grant: { viewer: { id: viewer }, standsOn: { session }, issuedAt, expiresAt, ...once },
    };
  }
}
