import { randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { EncryptJWT, errors, jwtDecrypt, type JWTPayload } from 'jose';
import { TokenRevocations } from '../../../live/sessions/token-revocations.js';
import { CLOCK_LEEWAY_SECONDS, issueTime } from '../../../live/tokens/issue-time.js';
import { Keyring, type PurposeKeys } from '../../../live/tokens/keyring.js';
import { MAX_OWN_TOKEN_LENGTH } from '../../../live/tokens/token-header.js';
import { TOKEN_CONFIG, type TokenConfig } from '../../../live/live.config.js';
import { parseViewerId } from '../../../live/viewer/viewer.js';
import { type CustomerViewer, customerViewer } from '../customer-viewer.js';
import type { ClientBinding } from './client-binder.js';

const ALGORITHM = { alg: 'dir', enc: 'A256GCM' } as const;
const TYPE = 'sallyport-customer+jwt';
const HEADER_NAMES = ['alg', 'enc', 'kid', 'shop', 'typ'];
/** Header, no encrypted key (`dir`), 96-bit IV, ciphertext, 128-bit tag: RFC 7516 §3.1. */
const COMPACT_FORM = /^[A-Za-z0-9_-]+\.\.[A-Za-z0-9_-]{16}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{22}$/;

/** The contents of a sealed token. */
export interface SealedClaims {
  readonly viewer: CustomerViewer;
  readonly binding: ClientBinding;
}

/** An opened token, or why it was refused. `expired` is returned only for an authentic token. */
export type OpenOutcome =
  | { readonly ok: true; readonly claims: SealedClaims; readonly issuedAt: Date; readonly expiresAtMs: number }
  | { readonly ok: false; readonly reason: 'malformed' | 'invalid' | 'expired' };

/** A sealed token and its expiry. */
export interface IssuedToken {
  readonly token: string;
  readonly expiresAt: Date;
}

/**
 * Seals and opens customers' tokens: JWE compact (RFC 7516), `dir` with A256GCM, a random IV each, with the shop and
 * the type in the protected header and so authenticated. A theme's scripts can see a token but not read its contents.
 *
 * A token may open several sockets during its `TOKEN_TTL_SECONDS`, because the page and a reconnect both need it and it
 * is bound to its client.
 */
@Injectable()
export class SealedTokens {
  readonly #keys: PurposeKeys;

  constructor(
    keyring: Keyring,
    private readonly revocations: TokenRevocations,
    @Inject(TOKEN_CONFIG) private readonly config: TokenConfig,
  ) {
    this.#keys = keyring.forPurpose('customer-token');
  }

  /** Seals a token that expires after `TOKEN_TTL_SECONDS`. */
  async seal({ viewer, binding }: SealedClaims): Promise<IssuedToken> {
    const rev = await this.revocations.lastRevocationMs(viewer.id);
    const issued = Date.now() / 1000;
    const now = Math.floor(issued);
    const expiry = now + this.config.ttlSeconds;
    const { kid, key } = this.#keys.current;
    const token = await new EncryptJWT({ cli: binding, rev })
      .setProtectedHeader({ ...ALGORITHM, typ: TYPE, kid, shop: viewer.shop })
      .setIssuer(this.config.issuer)
      .setAudience(this.#audience)
      .setSubject(viewer.id)
      .setIssuedAt(issued)
      .setNotBefore(now)
      .setExpirationTime(expiry)
      .setJti(randomUUID())
      .encrypt(key);
    return { token, expiresAt: new Date(expiry * 1000) };
  }

  /** Whether the text has the form of a sealed token. No cryptography. */
  static recognises(text: string): boolean {
    return text.length <= MAX_OWN_TOKEN_LENGTH && COMPACT_FORM.test(text);
  }

  /** Opens a token: form, header, seal, then each claim and the times. */
  async open(text: string): Promise<OpenOutcome> {
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
        issuedAt: issueTime(payload.iat ?? 0, payload['rev']),
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

  /** Null for a token from the future, or one with a longer lifetime than any that we seal. */
  #endOf({ iat, exp }: JWTPayload): number | null {
    if (iat === undefined || exp === undefined || iat > Date.now() / 1000 + CLOCK_LEEWAY_SECONDS) return null;
    return exp - iat <= this.config.ttlSeconds ? exp * 1000 : null;
  }
}

function viewerOf({ sub }: JWTPayload, shop: string): CustomerViewer | null {
  const prefix = `customer:${shop}:`;
  return parseViewerId(sub) && sub?.startsWith(prefix) ? customerViewer(shop, sub.slice(prefix.length)) : null;
}

/** The header of a token, if it is canonical base64url with exactly the expected names; else null. */
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
