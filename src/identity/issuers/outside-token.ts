import {
  decodeJwt,
  decodeProtectedHeader,
  errors,
  jwtVerify,
  type JWTPayload,
  type ProtectedHeaderParameters,
} from 'jose';

/** Longer text is no token of anybody's: some providers list what a person belongs to. In characters. */
export const MAX_OUTSIDE_TOKEN_LENGTH = 16_384;
const COMPACT_JWS = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;
/** Headers by which a token would choose its own key, or change how it is read (RFC 8725 §3.5, §3.10). */
const REFUSED_HEADERS = ['jku', 'jwk', 'x5u', 'x5c', 'crit', 'b64', 'zip', 'enc'];
/** How far a provider's clock and ours may lie apart where a token seems to come from the future, in seconds. */
const CLOCK_LEEWAY_SECONDS = 5;

/** A token as it says of itself; nothing of it is verified. */
export interface UnverifiedToken {
  readonly header: ProtectedHeaderParameters;
  readonly payload: JWTPayload;
}

/** What a token must be. */
export interface ExpectedToken {
  readonly issuer: string;
  readonly audience: string;
  readonly algorithms: readonly string[];
  readonly maxLifeSeconds: number;
}

/** The claims that every token must have, checked. Times are in seconds since the epoch. */
export interface OutsideClaims extends JWTPayload {
  readonly iat: number;
  readonly exp: number;
}

/** A verdict on a token. `expired` is said only of one that is otherwise genuine. */
export type OutsideReading =
  | { readonly ok: true; readonly claims: OutsideClaims }
  | { readonly ok: false; readonly reason: 'invalid' | 'expired' };

const INVALID: OutsideReading = { ok: false, reason: 'invalid' };
type KeySource = Parameters<typeof jwtVerify>[1];

/** Whether text has the outer form of a signed JWT (RFC 7515 §3.1). */
export function isCompactJws(text: string): boolean {
  return text.length <= MAX_OUTSIDE_TOKEN_LENGTH && COMPACT_JWS.test(text);
}

/** Reads a token without believing it; null for what is none. */
export function readUnverified(token: string): UnverifiedToken | null {
  try {
    return isCompactJws(token) ? { header: decodeProtectedHeader(token), payload: decodeJwt(token) } : null;
  } catch {
    return null;
  }
}

/**
 * Verifies header, signature, issuer, audience and times (RFC 7519 §7.2, RFC 8725).
 *
 * @param types the `typ` values that are taken, in lower case and without `application/`; a token without one is as well
 * @throws UnavailableError when the issuer's keys are not known
 */
export async function verifyOutsideToken(
  token: string,
  { header }: UnverifiedToken,
  expected: ExpectedToken,
  keys: Exclude<KeySource, Uint8Array>,
  types: ReadonlySet<string>,
): Promise<OutsideReading> {
  if (!hasPlainHeader(header, types) || !expected.algorithms.includes(header.alg ?? '')) return INVALID;
  try {
    const { payload } = await jwtVerify(token, keys as never, {
      issuer: expected.issuer,
      audience: expected.audience,
      algorithms: [...expected.algorithms],
      clockTolerance: CLOCK_LEEWAY_SECONDS,
      requiredClaims: ['iss', 'aud', 'iat', 'exp'],
    });
    return judgeTimes(payload as OutsideClaims, expected.maxLifeSeconds);
  } catch (error) {
    if (error instanceof errors.JWTExpired) return { ok: false, reason: 'expired' };
    if (error instanceof errors.JOSEError) return INVALID;
    throw error;
  }
}

function hasPlainHeader(header: ProtectedHeaderParameters, types: ReadonlySet<string>): boolean {
  const { typ, kid } = header as { readonly typ?: unknown; readonly kid?: unknown };
  if (REFUSED_HEADERS.some((name) => name in header)) return false;
  if (kid !== undefined && (typeof kid !== 'string' || kid === '')) return false;
  return typ === undefined || (typeof typ === 'string' && types.has(typ.toLowerCase().replace(/^application\//, '')));
}

function judgeTimes(claims: OutsideClaims, maxLifeSeconds: number): OutsideReading {
  const nowSeconds = Date.now() / 1000;
  const { iat, exp } = claims;
  if (!(iat > 0) || iat > nowSeconds + CLOCK_LEEWAY_SECONDS || exp <= iat || exp - iat > maxLifeSeconds) return INVALID;
  return exp <= nowSeconds ? { ok: false, reason: 'expired' } : { ok: true, claims };
}
