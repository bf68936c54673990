/** The `typ` of tokens that open sockets (RFC 8725 §3.11): nothing else is ever taken for one. */
export const SOCKET_TOKEN_TYPE = 'sallyport-socket+jwt';
/** The one algorithm (RFC 7518 §3.2); whatever another header names is refused before any cryptography. */
export const SOCKET_TOKEN_ALGORITHM = 'HS256';

/** Longer text is no token of ours; it is refused before any decoding. */
export const MAX_TOKEN_LENGTH = 4_096;
const KID = /^[A-Za-z0-9_-]{12}$/;
const COMPACT_JWS = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

/** A header of exactly our form. */
export interface TokenHeader {
  readonly kid: string;
}

/**
 * Reads the header of a compact JWS (RFC 7515 §3.1) without believing it. It must hold exactly `alg`, `typ` and `kid`:
 * a header with `crit`, `jku`, `jwk`, `x5u` or `x5c` is none of ours.
 *
 * @param type the `typ` that it must name
 * @returns null for any other text
 */
export function readTokenHeader(token: string, type: string = SOCKET_TOKEN_TYPE): TokenHeader | null {
  if (token.length > MAX_TOKEN_LENGTH || !COMPACT_JWS.test(token)) return null;
  const segment = token.slice(0, token.indexOf('.'));
  const header = parseSegment(segment);
  if (!header || Object.keys(header).length !== 3) return null;
  const { alg, typ, kid } = header;
  if (alg !== SOCKET_TOKEN_ALGORITHM || typ !== type) return null;
  return typeof kid === 'string' && KID.test(kid) ? { kid } : null;
}

/** Whether the last segment is the only spelling of its bytes: base64url leaves spare bits that would make twins. */
export function hasCanonicalSignature(token: string): boolean {
  const signature = token.slice(token.lastIndexOf('.') + 1);
  return Buffer.from(signature, 'base64url').toString('base64url') === signature;
}

/** The JSON object in a segment; null where it holds anything else. */
export function parseSegment(segment: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(segment, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}
