import { createSecretKey, randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import { errors, jwtVerify, type JWTPayload } from 'jose';
import { TOKEN_CONFIG, type TokenConfig } from '../../live/live.config.js';
import { TokenRevocations } from '../../live/sessions/token-revocations.js';
import { CLOCK_LEEWAY_SECONDS, issueTime } from '../../live/tokens/issue-time.js';
import { Keyring, type PurposeKeys } from '../../live/tokens/keyring.js';
import { MAX_TOKEN_LIFE_SECONDS } from '../../live/tokens/token-claims.js';
import type { SignedToken } from '../../live/tokens/token.service.js';
import { hasCanonicalSignature, readTokenHeader, SOCKET_TOKEN_ALGORITHM } from '../../live/tokens/token-header.js';
import { asExternal, type ExternalViewer } from '../../live/viewer/external-viewer.js';
import { parseViewerId } from '../../live/viewer/viewer.js';

/** The `typ` of tokens of `POST /tokens` (RFC 8725 §3.11). */
const API_TOKEN_TYPE = 'sallyport-api+jwt';

/** The subject of a token. */
export interface ApiTokenSubject {
  readonly viewer: ExternalViewer;
  /** The session that its sockets depend on, from `externalSession`; null: they depend on the token. */
  readonly session: string | null;
}

/** The contents of a verified token. */
interface ApiTokenClaims extends ApiTokenSubject {
  readonly tokenId: string;
  /** See {@link issueTime}. */
  readonly issuedAt: Date;
  readonly expiresAt: Date;
}

/** The result of verifying a token. `expired` is returned only for a token that is otherwise valid. */
export type ApiTokenReading =
  | { readonly ok: true; readonly claims: ApiTokenClaims }
  | { readonly ok: false; readonly reason: 'malformed' | 'invalid' | 'expired' };

const INVALID: ApiTokenReading = { ok: false, reason: 'invalid' };

/** Signs and verifies the tokens of `POST /tokens`: JWTs (RFC 7519) with their own key and type. */
@Injectable()
export class ApiTokens {
  readonly #keys: PurposeKeys;
  readonly #signer: JwtService;

  constructor(
    keyring: Keyring,
    private readonly revocations: TokenRevocations,
    @Inject(TOKEN_CONFIG) private readonly config: TokenConfig,
  ) {
    this.#keys = keyring.forPurpose('api-token');
    const { kid, key } = this.#keys.current;
    const header = { alg: SOCKET_TOKEN_ALGORITHM, typ: API_TOKEN_TYPE, kid } as const;
    const signOptions = { algorithm: SOCKET_TOKEN_ALGORITHM, header } as const;
    this.#signer = new JwtService({ secret: createSecretKey(key), signOptions });
  }

  /** @param ttlSeconds 1 to 3,600; default `TOKEN_TTL_SECONDS` */
  async sign({ viewer, session }: ApiTokenSubject, ttlSeconds: number = this.config.ttlSeconds): Promise<SignedToken> {
    const rev = await this.revocations.lastRevocationMs(viewer.id);
    const iat = Date.now() / 1000;
    const exp = iat + ttlSeconds;
    const claims = {
      sub: viewer.id,
      iat,
      rev,
      nbf: iat,
      exp,
      jti: randomUUID(),
      ...(session === null ? {} : { sid: session }),
    };
    const token = this.#signer.sign({ iss: this.config.issuer, aud: this.#audience, ...claims });
    return { token, expiresAt: new Date(exp * 1000) };
  }

  /** Whether text has the form of this kind of token. No cryptography. */
  recognises(token: string): boolean {
    return readTokenHeader(token, API_TOKEN_TYPE) !== null;
  }

  /** Verifies form, key, signature, claims and times. Asks no store. */
  async read(token: string): Promise<ApiTokenReading> {
    const header = readTokenHeader(token, API_TOKEN_TYPE);
    if (!header || !hasCanonicalSignature(token)) return { ok: false, reason: 'malformed' };
    const known = this.#keys.find(header.kid);
    if (!known) return INVALID;
    try {
      const { payload } = await jwtVerify(token, known.key, {
        algorithms: [SOCKET_TOKEN_ALGORITHM],
        issuer: this.config.issuer,
        audience: this.#audience,
        typ: API_TOKEN_TYPE,
        requiredClaims: ['sub', 'iat', 'nbf', 'exp', 'jti'],
        clockTolerance: CLOCK_LEEWAY_SECONDS,
      });
      const claims = claimsOf(payload);
      if (!claims) return INVALID;
      return claims.expiresAt.getTime() <= Date.now() ? { ok: false, reason: 'expired' } : { ok: true, claims };
    } catch (error) {
      if (!(error instanceof errors.JOSEError)) throw error;
      return error instanceof errors.JWTExpired ? { ok: false, reason: 'expired' } : INVALID;
    }
  }

  get #audience(): string {
    return `${this.config.issuer}/api`;
  }
}

function claimsOf({ sub, sid, jti = '', iat = 0, rev, exp = 0 }: JWTPayload): ApiTokenClaims | null {
  const id = parseViewerId(sub);
  const viewer = id && asExternal(id);
  if (!viewer || iat > Date.now() / 1000 + CLOCK_LEEWAY_SECONDS || exp - iat > MAX_TOKEN_LIFE_SECONDS) return null;
  if (sid !== undefined && !(typeof sid === 'string' && sid.startsWith(`external:${viewer.source}:`))) return null;
  return { viewer, session: sid ?? null, tokenId: jti, issuedAt: issueTime(iat, rev), expiresAt: new Date(exp * 1000) };
}
