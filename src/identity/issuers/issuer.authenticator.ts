import { Injectable } from '@nestjs/common';
import { ConnectionAuthenticator, type Verdict } from '../../live/gateway/connection-authenticator.js';
import { outsideSession } from '../../live/sessions/outside-session.js';
import { MAX_OUTSIDE_TOKEN_SECONDS } from '../../live/sessions/revocation.store.js';
import { TokenRevocations } from '../../live/sessions/token-revocations.js';
import { externalViewer, type ExternalViewer } from '../../live/viewer/external-viewer.js';
import { isCompactJws, type OutsideClaims, readUnverified, verifyOutsideToken } from './outside-token.js';
import { TrustedIssuers } from './trusted-issuers.service.js';

/** An access token (RFC 9068) or an ID token. Anything that names another type is no login. */
const LOGIN_TYPES: ReadonlySet<string> = new Set(['jwt', 'at+jwt']);
/** Claims of tokens that are no login, or that only the holder of a key may use: logout and security events, DPoP and mTLS. */
const REFUSED_CLAIMS = ['events', 'cnf'] as const;

/** The JWT of a trusted issuer: opens a socket until it expires, or until its session or viewer is revoked. */
@Injectable()
export class IssuerAuthenticator extends ConnectionAuthenticator {
  constructor(
    private readonly issuers: TrustedIssuers,
    private readonly revocations: TokenRevocations,
  ) {
    super();
  }

  /** Asked last: any other JWT than those of this server may be an issuer's. */
  override recognises(token: string): boolean {
    return this.issuers.areAny && isCompactJws(token);
  }

  override async authenticate(token: string): Promise<Verdict> {
    const unverified = readUnverified(token);
    const issuer = this.issuers.find(unverified?.payload.iss);
    if (!unverified || !issuer) return { ok: false, reason: 'invalid' };
    const expected = { ...issuer, maxLifeSeconds: MAX_OUTSIDE_TOKEN_SECONDS };
    const reading = await verifyOutsideToken(
      token,
      unverified,
      expected,
      (header) => issuer.keys.find(header),
      LOGIN_TYPES,
    );
    if (!reading.ok) return reading;
    const login = loginOf(reading.claims, issuer.source);
    return login ? this.#grant(login, reading.claims) : { ok: false, reason: 'invalid' };
  }

  async #grant({ viewer, session }: Login, { iat, exp }: OutsideClaims): Promise<Verdict> {
    const issuedAt = new Date(iat * 1000);
    if (await this.revocations.isRevoked({ viewer: viewer.id, session, issuedAt }))
      return { ok: false, reason: 'session-ended' };
    const expiresAt = new Date(exp * 1000);
    return { ok: true, grant: { viewer, standsOn: 'token', session, issuedAt, expiresAt } };
  }
}

interface Login {
  readonly viewer: ExternalViewer;
  readonly session: string | null;
}

/** Who a verified token is about; null where it is no login, or names nobody. */
function loginOf(claims: OutsideClaims, source: string): Login | null {
  if (REFUSED_CLAIMS.some((name) => name in claims)) return null;
  const { sub, sid } = claims;
  const viewer = typeof sub === 'string' ? externalViewer(source, sub) : null;
  if (!viewer) return null;
  if (sid === undefined) return { viewer, session: null };
  const session = typeof sid === 'string' ? outsideSession(source, sid) : null;
  return session === null ? null : { viewer, session };
}
