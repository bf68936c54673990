import { createSecretKey, randomBytes, type KeyObject } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import { TOKEN_CONFIG } from '../../config/config.module.js';
import type { TokenConfig } from '../../config/config.js';
import type { AccountViewer } from '../../viewer/viewer.js';
import { Keyring } from './keyring.js';
import { readClaims, type TokenClaims } from './token-claims.js';
import { hasCanonicalSignature, readTokenHeader, SOCKET_TOKEN_ALGORITHM, SOCKET_TOKEN_TYPE } from './token-header.js';

/** A token to hand out. */
export interface SignedToken {
  readonly token: string;
  readonly expiresAt: Date;
}

/** A verdict on a token's text alone. `expired` is said only of a token that is otherwise genuine. */
export type TokenReading =
  | { readonly ok: true; readonly claims: TokenClaims }
  | { readonly ok: false; readonly reason: 'malformed' | 'invalid' | 'expired' };

/** Signs and verifies the short-lived token by which an account opens a socket (a JWT, RFC 7519 and RFC 8725). */
@Injectable()
export class TokenService {
  readonly #currentKid: string;
  /** One for each key: jsonwebtoken takes a KeyObject as it is, but tries a Buffer as every other kind of key first, at 25 times the cost. */
  readonly #jwtByKid: ReadonlyMap<string, JwtService>;

  constructor(
    keyring: Keyring,
    @Inject(TOKEN_CONFIG) private readonly config: TokenConfig,
  ) {
    const keys = keyring.forPurpose('socket-token');
    this.#currentKid = keys.current.kid;
    this.#jwtByKid = new Map(keys.all.map(({ kid, key }) => [kid, jwtServiceFor(kid, createSecretKey(key))]));
  }

  /**
   * Signs a token for the viewer's session.
   *
   * @param ttlSeconds default `TOKEN_TTL_SECONDS`; at most an hour, or the token verifies nowhere
   */
  sign(viewer: AccountViewer, ttlSeconds: number = this.config.ttlSeconds): SignedToken {
    const { issuer } = this.config;
    const iat = nowSeconds();
    const exp = iat + ttlSeconds;
    const jti = randomBytes(16).toString('base64url');
    const claims = { iss: issuer, aud: issuer, sub: viewer.id, sid: viewer.sessionId, jti, iat, nbf: iat, exp };
    const jwt = this.#jwtByKid.get(this.#currentKid);
    if (!jwt) throw new Error('The signing key is none of its own purpose.');
    return { token: jwt.sign(claims), expiresAt: new Date(exp * 1000) };
  }

  /** Whether text has the outer form of this kind of token. No cryptography. */
  recognises(token: string): boolean {
    return readTokenHeader(token) !== null;
  }

  /** Verifies form, key, signature, claims and expiry, in this order. Asks no store. */
  read(token: string): TokenReading {
    const header = readTokenHeader(token);
    if (!header || !hasCanonicalSignature(token)) return { ok: false, reason: 'malformed' };
    const jwt = this.#jwtByKid.get(header.kid);
    const claims = jwt ? readClaims(signedPayload(jwt, token), this.config.issuer, nowSeconds()) : null;
    if (!claims) return { ok: false, reason: 'invalid' };
    return claims.expiresAtSeconds <= nowSeconds() ? { ok: false, reason: 'expired' } : { ok: true, claims };
  }
}

function jwtServiceFor(kid: string, secret: KeyObject): JwtService {
  const header = { alg: SOCKET_TOKEN_ALGORITHM, typ: SOCKET_TOKEN_TYPE, kid } as const;
  return new JwtService({ secret, signOptions: { algorithm: SOCKET_TOKEN_ALGORITHM, header } });
}

/** The payload behind a good signature, else undefined. Times are left to {@link readClaims}, which types them first. */
function signedPayload(jwt: JwtService, token: string): unknown {
  try {
    return jwt.verify(token, { algorithms: [SOCKET_TOKEN_ALGORITHM], ignoreExpiration: true, ignoreNotBefore: true });
  } catch {
    return undefined;
  }
}

function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
