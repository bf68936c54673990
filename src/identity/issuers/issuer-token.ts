import type { JWSHeaderParameters, JWTPayload, ProtectedHeaderParameters } from 'jose';
import { CLOCK_LEEWAY_SECONDS } from '../../live/tokens/issue-time.js';
import { COMPACT_JWS } from '../../live/tokens/token-header.js';
import type { IssuerKeys } from './issuer-keys.js';
import { isSignedBy } from './jws-signature.js';

/** The longest token, in characters; some providers include a user's groups. */
const MAX_ISSUER_TOKEN_LENGTH = 16_384;
/** Headers with which a token would choose its own key, or change how it is processed (RFC 8725 §3.6, §3.10). */
const REFUSED_HEADERS = ['jku', 'jwk', 'x5u', 'x5c', 'crit', 'b64', 'zip', 'enc'];

/** A parsed token; nothing in it is verified. */
export interface UnverifiedToken {
  readonly header: ProtectedHeaderParameters;
  readonly payload: JWTPayload;
}

/** The requirements on a token. */
export interface ExpectedToken {
  readonly issuer: string;
  readonly audience: string;
  readonly algorithms: readonly string[];
  readonly maxLifeSeconds: number;
}

/** The claims that every token must have, checked. Times are in seconds since the epoch. */
export interface IssuerClaims extends JWTPayload {
  readonly iat: number;
  readonly exp: number;
}

/** The result of verifying a token. `expired` is returned only for a token that is otherwise valid. */
export type IssuerReading =
  { readonly ok: true; readonly claims: IssuerClaims } | { readonly ok: false; readonly reason: 'invalid' | 'expired' };

const utf8 = new TextDecoder('utf-8', { fatal: true });
const INVALID: IssuerReading = { ok: false, reason: 'invalid' };

/** Whether text has the form of a signed JWT (RFC 7515 §3.1). */
export function isCompactJws(text: string): boolean {
  return text.length <= MAX_ISSUER_TOKEN_LENGTH && COMPACT_JWS.test(text);
}

/**
 * Parses a token without trusting it; null for other text. Reads exactly what jose's `decodeProtectedHeader` and
 * `decodeJwt` read; those loop over every byte in JavaScript where Node has no `Uint8Array.fromBase64`.
 */
export function readUnverified(token: string): UnverifiedToken | null {
  if (!isCompactJws(token)) return null;
  const [header = '', payload = ''] = token.split('.');
  try {
    return { header: objectIn(header), payload: objectIn(payload) };
  } catch {
    return null;
  }
}

/** @param encoded base64url, of which only the alphabet is checked. @throws for anything but a JSON object */
function objectIn(encoded: string): Record<string, unknown> {
  if (encoded.length % 4 === 1) throw new TypeError('This is not base64url.');
  const value: unknown = JSON.parse(utf8.decode(Buffer.from(encoded, 'base64url')));
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new TypeError('This is not an object.');
  return value as Record<string, unknown>;
}

/**
 * When a token counts as issued, or a logout as done, for revocations: as early as it may have been, since the issuer's
 * clock may be ahead of ours. A revocation at our time then applies to every earlier token, and a logout of the issuer
 * to exactly those that are earlier by the issuer's clock.
 */
export function earliestTime({ iat }: IssuerClaims): Date {
  return new Date((iat - CLOCK_LEEWAY_SECONDS) * 1000);
}

/**
 * Verifies header, signature, issuer, audience and times (RFC 7519 §7.2, RFC 8725).
 *
 * @param keys the issuer's
 * @param types the accepted `typ` values, in lower case and without `application/`; a token without `typ` is accepted
 * too
 * @throws UnavailableError when the issuer's keys are not known
 */
export async function verifyIssuerToken(
  token: string,
  { header, payload }: UnverifiedToken,
  expected: ExpectedToken,
  keys: IssuerKeys,
  types: ReadonlySet<string>,
): Promise<IssuerReading> {
  const { alg = '' } = header;
  if (!hasPlainHeader(header, types) || !expected.algorithms.includes(alg)) return INVALID;
  const isSigned = await keys.verify(header as JWSHeaderParameters, (key) => isSignedBy(token, alg, key));
  return isSigned ? checkClaims(payload, expected) : INVALID;
}

function hasPlainHeader(header: ProtectedHeaderParameters, types: ReadonlySet<string>): boolean {
  const { typ, kid } = header as { readonly typ?: unknown; readonly kid?: unknown };
  if (REFUSED_HEADERS.some((name) => name in header)) return false;
  if (kid !== undefined && (typeof kid !== 'string' || kid === '')) return false;
  return typ === undefined || (typeof typ === 'string' && types.has(typ.toLowerCase().replace(/^application\//, '')));
}

function checkClaims(claims: JWTPayload, expected: ExpectedToken): IssuerReading {
  const { iss, aud, iat, exp, nbf } = claims;
  if (
    iss !== expected.issuer ||
    !(aud === expected.audience || (Array.isArray(aud) && aud.includes(expected.audience)))
  )
    return INVALID;
  if (!isTime(iat) || !isTime(exp) || (nbf !== undefined && !isTime(nbf))) return INVALID;
  const nowSeconds = Date.now() / 1000;
  const latest = nowSeconds + CLOCK_LEEWAY_SECONDS;
  if (iat > latest || (nbf ?? 0) > latest || exp <= iat || exp - iat > expected.maxLifeSeconds) return INVALID;
  return exp <= nowSeconds ? { ok: false, reason: 'expired' } : { ok: true, claims: claims as IssuerClaims };
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0;
}
