import { Injectable } from '@nestjs/common';
import { ConnectionAuthenticator, type Verdict } from '../../live/gateway/connection-authenticator.js';
import { endOfExternalSession } from '../../live/sessions/external-session.js';
import { TokenRevocations } from '../../live/sessions/token-revocations.js';
import { SingleUse } from '../../live/tokens/single-use.js';
import { ApiTokens } from './api-tokens.service.js';

/** Verifies tokens that another backend got from `POST /tokens` for one of its users. */
@Injectable()
export class ApiTokenAuthenticator extends ConnectionAuthenticator {
  override readonly name = 'api-token';

  constructor(
    private readonly tokens: ApiTokens,
    private readonly revocations: TokenRevocations,
    private readonly singleUse: SingleUse,
  ) {
    super();
  }

  override recognises(token: string): boolean {
    return this.tokens.recognises(token);
  }

  override async authenticate(token: string): Promise<Verdict> {
    const reading = await this.tokens.read(token);
    if (!reading.ok) return reading;
    const { viewer, session, tokenId, issuedAt, expiresAt } = reading.claims;
    if (await this.revocations.isRevoked({ viewer: viewer.id, session, issuedAt }))
      return { ok: false, reason: 'session-ended' };
    const shared = { viewer, issuedAt, ...this.singleUse.of(tokenId, expiresAt.getTime() / 1000) };
    if (session === null) return { ok: true, grant: { ...shared, standsOn: 'token', expiresAt } };
    return { ok: true, grant: { ...shared, standsOn: { session }, expiresAt: endOfExternalSession() } };
  }
}
