import { Injectable } from '@nestjs/common';
import { ConnectionAuthenticator, type Verdict } from '../../live/gateway/connection-authenticator.js';
import { externalSession } from '../../live/sessions/external-session.js';
import { MAX_EXTERNAL_TOKEN_SECONDS } from '../../live/sessions/revocation.store.js';
import { TokenRevocations } from '../../live/sessions/token-revocations.js';
import { externalViewer, type ExternalViewer } from '../../live/viewer/external-viewer.js';
import { earliestTime, isCompactJws, type IssuerClaims, readUnverified, verifyIssuerToken } from './issuer-token.js';
import { TrustedIssuers } from './trusted-issuers.service.js';

/** An access token (RFC 9068) or an ID token. Other types are refused. */
const ACCEPTED_TYPES: ReadonlySet<string> = new Set(['jwt', 'at+jwt']);
/** Claims of tokens that must be refused: logout and security events, and tokens bound to a key (DPoP, mTLS). */
const REFUSED_CLAIMS = ['events', 'cnf'] as const;

/** Verifies the JWT of a trusted issuer, which opens a socket until it expires or its session or viewer is revoked. */
@Injectable()
export class IssuerAuthenticator extends ConnectionAuthenticator {
  override readonly name = 'issuer';

  constructor(
    private readonly issuers: TrustedIssuers,
    private readonly revocations: TokenRevocations,
  ) {
    super();
  }

  /** Asked last, since any JWT that is not this server's own may be an issuer's. */
  override recognises(token: string): boolean {
    return this.issuers.hasAny && isCompactJws(token);
  }

  override async authenticate(token: string): Promise<Verdict> {
    const unverified = readUnverified(token);
    const issuer = this.issuers.find(unverified?.payload.iss);
    if (!unverified || !issuer) return { ok: false, reason: 'invalid' };
    const { audience, algorithms, keys } = issuer;
    const expected = { issuer: issuer.issuer, audience, algorithms, maxLifeSeconds: MAX_EXTERNAL_TOKEN_SECONDS };
    const reading = await verifyIssuerToken(token, unverified, expected, keys, ACCEPTED_TYPES);
    if (!reading.ok) return reading;
    const identity = identityOf(reading.claims, issuer.source);
    return identity ? this.#grant(identity, reading.claims) : { ok: false, reason: 'invalid' };
  }

  async #grant({ viewer, session }: Identity, claims: IssuerClaims): Promise<Verdict> {
    const issuedAt = earliestTime(claims);
    if (await this.revocations.isRevoked({ viewer: viewer.id, session, issuedAt }))
      return { ok: false, reason: 'session-ended' };
    const expiresAt = new Date(claims.exp * 1000);
    return { ok: true, grant: { viewer, standsOn: 'token', session, issuedAt, expiresAt } };
  }
}

interface Identity {
  readonly viewer: ExternalViewer;
  readonly session: string | null;
}

/** The viewer and session of a verified token; null if it is refused or one of them is invalid. */
function identityOf(claims: IssuerClaims, source: string): Identity | null {
  if (REFUSED_CLAIMS.some((name) => name in claims)) return null;
  const { sub, sid } = claims;
  const viewer = typeof sub === 'string' ? externalViewer(source, sub) : null;
  if (!viewer) return null;
  if (sid === undefined) return { viewer, session: null };
  const session = typeof sid === 'string' ? externalSession(source, sid) : null;
  return session === null ? null : { viewer, session };
}
