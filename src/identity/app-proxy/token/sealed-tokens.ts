import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { EncryptJWT, errors, jwtDecrypt, type JWTPayload } from 'jose';
import { Keyring, type PurposeKeys } from '../../../live/tokens/keyring.js';
import { MAX_TOKEN_LENGTH } from '../../../live/tokens/token-header.js';
import { TOKEN_CONFIG, type TokenConfig } from '../../../live/live.config.js';
import { parseViewerId } from '../../../live/viewer/viewer.js';
import { type CustomerViewer, customerViewer } from '../customer-viewer.js';
import type { ClientBinding } from './client-binder.js';

const ALGORITHM = { alg: 'dir', enc: 'A256GCM' } as const;
const TYPE = 'sallyport-customer+jwt';
const HEADER_NAMES = ['alg', 'enc', 'kid', 'shop', 'typ'];
/** How far another node's clock may run ahead of ours. A token's end has no leeway. */
const CLOCK_LEEWAY_SECONDS = 5;
/** Header, no encrypted key (`dir`), 96-bit IV, ciphertext, 128-bit tag: RFC 7516 §3.1. */
const COMPACT_FORM = /^[A-Za-z0-9_-]+\.\.[A-Za-z0-9_-]{16}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{22}$/;

/** What a sealed token says. */
export interface SealedClaims {
  readonly viewer: CustomerViewer;
  readonly binding: ClientBinding;
}

/** An opened token, or why it was not. `expired` is said of an authentic token only. */
export type UnsealOutcome =
  | { readonly ok: true; readonly claims: SealedClaims; readonly issuedAtMs: number; readonly expiresAtMs: number }
  | { readonly ok: false; readonly reason: 'malformed' | 'invalid' | 'expired' };

/** A new token. */
export interface IssuedToken {
  readonly token: string;
  readonly expiresAt: Date;
}

/**
 * Seals and opens customers' tokens: JWE compact (RFC 7516), `dir` with A256GCM, a random IV each, the shop and the kind bound in as
 * associated data by the protected header. A theme's scripts can carry one and read nothing in it.
 *
 * A token may open more than one socket in its `TOKEN_TTL_SECONDS`: page and reconnect need it, and it is bound to its client.
 */
@Injectable()
export class SealedTokens {
  readonly #keys: PurposeKeys;

  constructor(
    keyring: Keyring,
    @Inject(TOKEN_CONFIG) private readonly config: TokenConfig,
  ) {
    this.#keys = keyring.forPurpose('customer-token');
  }

  /** Seals a token that ends `TOKEN_TTL_SECONDS` from now. */
  async seal({ viewer, binding }: SealedClaims): Promise<IssuedToken> {
    const now = Math.floor(Date.now() / 1000);
    const expiry = now + this.config.ttlSeconds;
    const { kid, key } = this.#keys.current;
    const token = await new EncryptJWT({ cli: binding })
      .setProtectedHeader({ ...ALGORITHM, typ: TYPE, kid, shop: viewer.shop })
      .setIssuer(this.config.issuer)
      .setAudience(this.#audience)
      .setSubject(viewer.id)
      .setIssuedAt(now)
      .setNotBefore(now)
      .setExpirationTime(expiry)
      .setJti(randomUUID())
      .encrypt(key);
    return { token, expiresAt: new Date(expiry * 1000) };
  }

  /** Whether the text has a sealed token's outer form; no cryptography. */
  static recognises(text: string): boolean {
    return text.length <= MAX_TOKEN_LENGTH && COMPACT_FORM.test(text);
  }

  /** Opens a token: form, header, seal, then each claim and the times. */
  async unseal(text: string): Promise<UnsealOutcome> {
    const header = SealedTokens.recognises(text) ? readHeader(text) : null;
    if (!header) return { ok: false, reason: 'malformed' };
    const known = this.#keys.find(header.kid);
    if (!known) return { ok: false, reason: 'invalid' };
    try {
      const { payload } = await jwtDecrypt(text, known.key, this.#rules);
      const viewer = viewerOf(payload, header.shop);
      const expiresAtMs = this.#endOf(payload);
      if (!viewer || expiresAtMs === null) return { ok: false, reason: 'invalid' };
      if (expiresAtMs <= Date.now()) return { ok: false, reason: 'expired' };
      return {
        ok: true,
        claims: { viewer, binding: payload['cli'] ?? {} },
        issuedAtMs: (payload.iat ?? 0) * 1000,
        expiresAtMs,
      };
    } catch (error) {
      if (!(error instanceof errors.JOSEError)) throw error;
      return { ok: false, reason: error instanceof errors.JWTExpired ? 'expired' : 'invalid' };
    }
  }

  get #audience(): string {
    return `${this.config.issuer}/customer`;
  }

  get #rules() {
    return {
      keyManagementAlgorithms: [ALGORITHM.alg],
      contentEncryptionAlgorithms: [ALGORITHM.enc],
      maxDecompressedLength: 0,
      issuer: this.config.issuer,
      audience: this.#audience,
      typ: TYPE,
      requiredClaims: ['sub', 'iat', 'nbf', 'exp', 'jti'],
      clockTolerance: CLOCK_LEEWAY_SECONDS,
    };
  }

  /** Null for a token from the future, or one that claims to live longer than any that we seal. */
  #endOf({ iat, exp }: JWTPayload): number | null {
    if (iat === undefined || exp === undefined || iat > Date.now() / 1000 + CLOCK_LEEWAY_SECONDS) return null;
    return exp - iat <= this.config.ttlSeconds ? exp * 1000 : null;
  }
}

function viewerOf({ sub }: JWTPayload, shop: string): CustomerViewer | null {
  const prefix = `customer:${shop}:`;
  return parseViewerId(sub) && sub?.startsWith(prefix) ? customerViewer(shop, sub.slice(prefix.length)) : null;
}

/** The header of a token in canonical base64url whose header holds exactly the expected names; null for any other. */
function readHeader(text: string): { readonly kid: string; readonly shop: string } | null {
  const isCanonical = (part: string) => Buffer.from(part, 'base64url').toString('base64url') === part;
  const parts = text.split('.');
  if (!parts.every(isCanonical)) return null;
  try {
    const header: unknown = JSON.parse(Buffer.from(parts[0] ?? '', 'base64url').toString());
    if (typeof header !== 'object' || header === null) return null;
    if (Object.keys(header).sort().join() !== HEADER_NAMES.join()) return null;
    const { kid, shop } = header as Record<string, unknown>;
    return typeof kid === 'string' && typeof shop === 'string' ? { kid, shop } : null;
  } catch {
    return null;
  }
}
