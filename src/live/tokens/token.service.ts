import { createHmac, createSecretKey, randomBytes, timingSafeEqual, type KeyObject } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { TOKEN_CONFIG, type TokenConfig } from '../live.config.js';
import type { ViewerId } from '../viewer/viewer.js';
import { Keyring } from './keyring.js';
import { readClaims, type TokenClaims } from './token-claims.js';
import {
  hasCanonicalSignature,
  parseSegment,
  readTokenHeader,
  SOCKET_TOKEN_ALGORITHM,
  SOCKET_TOKEN_TYPE,
} from './token-header.js';

/** The hash of {@link SOCKET_TOKEN_ALGORITHM}. */
const HASH = 'sha256';

/** A signed token and its expiry. */
export interface SignedToken {
  readonly token: string;
  readonly expiresAt: Date;
}

/** The result of verifying a token without a store. `expired` is returned only for a token that is otherwise valid. */
export type TokenReading =
  | { readonly ok: true; readonly claims: TokenClaims }
  | { readonly ok: false; readonly reason: 'malformed' | 'invalid' | 'expired' };

/** When a token is issued, for revocations of its viewer: see `issueTime`. */
export interface Issue {
  /** In seconds since the epoch, with a fraction. Default: this second. */
  readonly iat?: number;
  /** Default: unknown. */
  readonly rev?: number | undefined;
}

/** The subject of a token. */
export interface TokenSubject {
  readonly id: ViewerId;
  /** The public id of the session that the token's sockets depend on: 1 to 200 visible ASCII characters. */
  readonly sessionId: string;
}

/** Signs and verifies the short-lived token with which a session opens a socket (a JWT, RFC 7519 and RFC 8725). */
@Injectable()
export class TokenService {
  readonly #current: { readonly header: string; readonly key: KeyObject };
  readonly #keyByKid: ReadonlyMap<string, KeyObject>;

  constructor(
    keyring: Keyring,
    @Inject(TOKEN_CONFIG) private readonly config: TokenConfig,
  ) {
    const { current, all } = keyring.forPurpose('socket-token');
    const header = { alg: SOCKET_TOKEN_ALGORITHM, typ: SOCKET_TOKEN_TYPE, kid: current.kid };
    this.#current = { header: encode(header), key: createSecretKey(current.key) };
    this.#keyByKid = new Map(all.map(({ kid, key }) => [kid, createSecretKey(key)]));
  }

  /**
   * Signs a token for the viewer's session.
   *
   * @param ttlSeconds default: as configured; at most an hour, otherwise verification fails
   */
  sign(
    viewer: TokenSubject,
    ttlSeconds: number = this.config.ttlSeconds,
    { iat = nowSeconds(), rev }: Issue = {},
  ): SignedToken {
    const { issuer } = this.config;
    const nbf = Math.floor(iat);
    const exp = nbf + ttlSeconds;
    const jti = randomBytes(16).toString('base64url');
    const claims = { iss: issuer, aud: issuer, sub: viewer.id, sid: viewer.sessionId, jti, iat, rev, nbf, exp };
    const signed = `${this.#current.header}.${encode(claims)}`;
    const signature = hmac(signed, this.#current.key).toString('base64url');
    return { token: `${signed}.${signature}`, expiresAt: new Date(exp * 1000) };
  }

  /** Whether text has the form of this kind of token. No cryptography. */
  recognises(token: string): boolean {
    return readTokenHeader(token) !== null;
  }

  /** Verifies form, key, signature, claims and expiry, in this order. Asks no store. */
  read(token: string): TokenReading {
    const header = readTokenHeader(token);
    if (!header || !hasCanonicalSignature(token)) return { ok: false, reason: 'malformed' };
    const key = this.#keyByKid.get(header.kid);
    const claims = key ? readClaims(signedPayload(token, key), this.config.issuer, nowSeconds()) : null;
    if (!claims) return { ok: false, reason: 'invalid' };
    return claims.expiresAtSeconds <= nowSeconds() ? { ok: false, reason: 'expired' } : { ok: true, claims };
  }
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function hmac(text: string, key: KeyObject): Buffer {
  return createHmac(HASH, key).update(text).digest();
}

/**
 * The payload if the signature is valid (RFC 7515 §5.2), else undefined. Uses node:crypto, since header and claims are
 * checked here anyway: the library would add only one HMAC at four times its cost, which matters when many sockets
 * reconnect.
 */
function signedPayload(token: string, key: KeyObject): unknown {
  const end = token.lastIndexOf('.');
  const signature = Buffer.from(token.slice(end + 1), 'base64url');
  const expected = hmac(token.slice(0, end), key);
  if (signature.length !== expected.length || !timingSafeEqual(signature, expected)) return undefined;
  return parseSegment(token.slice(token.indexOf('.') + 1, end));
}

function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
