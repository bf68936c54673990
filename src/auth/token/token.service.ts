import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import { TOKEN_CONFIG } from '../../config/config.module.js';
import type { TokenConfig } from '../../config/config.js';
import type { AccountViewer } from '../../viewer/viewer.js';
import { Keyring, type PurposeKeys } from './keyring.js';
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
  readonly #keys: PurposeKeys;

  constructor(
    private readonly jwt: JwtService,
    keyring: Keyring,
    @Inject(TOKEN_CONFIG) private readonly config: TokenConfig,
  ) {
    this.#keys = keyring.forPurpose('socket-token');
  }

  /**
   * Signs a token for the viewer's session.
   *
   * @param ttlSeconds default `TOKEN_TTL_SECONDS`; at most an hour, or the token verifies nowhere
   */
  async sign(viewer: AccountViewer, ttlSeconds: number = this.config.ttlSeconds): Promise<SignedToken> {
    const { issuer } = this.config;
    const iat = nowSeconds();
    const exp = iat + ttlSeconds;
    const jti = randomBytes(16).toString('base64url');
    const { kid, key } = this.#keys.current;
    const claims = { iss: issuer, aud: issuer, sub: viewer.id, sid: viewer.sessionId, jti, iat, nbf: iat, exp };
    const header = { alg: SOCKET_TOKEN_ALGORITHM, typ: SOCKET_TOKEN_TYPE, kid } as const;
    const token = await this.jwt.signAsync(claims, { secret: key, algorithm: SOCKET_TOKEN_ALGORITHM, header });
    return { token, expiresAt: new Date(exp * 1000) };
  }

  /** Whether text has the outer form of this kind of token. No cryptography. */
  recognises(token: string): boolean {
    return readTokenHeader(token) !== null;
  }

  /** Verifies form, key, signature, claims and expiry, in this order. Asks no store. */
  async read(token: string): Promise<TokenReading> {
    const header = readTokenHeader(token);
    if (!header || !hasCanonicalSignature(token)) return { ok: false, reason: 'malformed' };
    const key = this.#keys.find(header.kid);
    const payload = key && (await this.#verified(token, key.key));
    const claims = payload === undefined ? null : readClaims(payload, this.config.issuer, nowSeconds());
    if (!claims) return { ok: false, reason: 'invalid' };
    return claims.expiresAtSeconds <= nowSeconds() ? { ok: false, reason: 'expired' } : { ok: true, claims };
  }

  /** The payload behind a good signature. Times are left to {@link readClaims}, which types them first. */
  async #verified(token: string, secret: Buffer): Promise<unknown> {
    try {
      const options = {
        secret,
        algorithms: [SOCKET_TOKEN_ALGORITHM] as ['HS256'],
        ignoreExpiration: true,
        ignoreNotBefore: true,
      };
      return await this.jwt.verifyAsync<Record<string, unknown>>(token, options);
    } catch {
      return undefined;
    }
  }
}

function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
