import { parseViewerId, type ViewerId } from '../viewer/viewer.js';
import { CLOCK_LEEWAY_SECONDS, issueTime } from './issue-time.js';

/** The longest lifetime of a token, in seconds. `TOKEN_TTL_SECONDS` cannot be higher. */
export const MAX_TOKEN_LIFE_SECONDS = 3_600;
const SESSION_ID = /^[\x21-\x7e]{1,200}$/;
const JTI = /^[A-Za-z0-9_-]{16,64}$/;

/** The checked claims of a token. */
export interface TokenClaims {
  readonly viewerId: ViewerId;
  readonly sessionId: string;
  /** The token's own id, for single use. */
  readonly tokenId: string;
  /** See {@link issueTime}. */
  readonly issuedAt: Date;
  /** When the token expires, in seconds since the epoch. */
  readonly expiresAtSeconds: number;
}

/**
 * Narrows a verified payload (RFC 7519 §4.1). Every claim is required and of exactly one type: `iss` and `aud` equal
 * this deployment's, `sub` is a viewer id, `sid` a session's public id, `jti` the token's own id. `iat` and the
 * whole-second `nbf` are not in the future, give or take 5 s; the whole-second `exp` is at most an hour after `iat`.
 *
 * @returns null when any claim is missing, of another type or out of bounds; expiry is checked elsewhere
 */
export function readClaims(payload: unknown, issuer: string, nowSeconds: number): TokenClaims | null {
  if (typeof payload !== 'object' || payload === null) return null;
  const { iss, aud, sub, sid, jti, iat, rev, nbf, exp } = payload as Record<string, unknown>;
  const viewerId = parseViewerId(sub);
  if (iss !== issuer || aud !== issuer || !viewerId) return null;
  if (typeof sid !== 'string' || !SESSION_ID.test(sid) || typeof jti !== 'string' || !JTI.test(jti)) return null;
  if (!isInstant(iat) || !isSecond(nbf) || !isSecond(exp)) return null;
  const latest = nowSeconds + CLOCK_LEEWAY_SECONDS;
  if (iat > latest || nbf > latest || exp <= iat || exp - iat > MAX_TOKEN_LIFE_SECONDS) return null;
  return { viewerId, sessionId: sid, tokenId: jti, issuedAt: issueTime(iat, rev), expiresAtSeconds: exp };
}

function isSecond(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

/** Seconds, which may have a fraction (RFC 7519 §2, NumericDate). */
function isInstant(value: unknown): value is number {
  return typeof value === 'number' && value > 0 && value <= Number.MAX_SAFE_INTEGER;
}
