/** The `typ` of tokens that open sockets (RFC 8725 §3.11): no other token is accepted as one. */
export const SOCKET_TOKEN_TYPE = 'sallyport-socket+jwt';
/** The only algorithm (RFC 7518 §3.2); headers with another one are refused before any cryptography. */
export const SOCKET_TOKEN_ALGORITHM = 'HS256';

/** The longest token of ours; longer text is refused before any decoding. */
export const MAX_OWN_TOKEN_LENGTH = 4_096;
const KID = /^[A-Za-z0-9_-]{12}$/;
/** The form of a signed token: JWS compact serialization (RFC 7515 §7.1). */
export const COMPACT_JWS = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

/** A header of exactly our format. */
export interface TokenHeader {
  readonly kid: string;
}

/**
 * The segment of the last header of each `typ` that was accepted, and what it says: tokens of one key share it, and
 * decoding it takes as long as their signature.
 */
const lastAccepted = new Map<string, { readonly segment: string; readonly header: TokenHeader }>();

/**
 * Reads the header of a compact JWS (RFC 7515 §3.1) without trusting it. It must contain exactly `alg`, `typ` and
 * `kid`: a header with `crit`, `jku`, `jwk`, `x5u` or `x5c` is refused.
 *
 * @param type the required `typ`
 * @returns null for any other text
 */
export function readTokenHeader(token: string, type: string = SOCKET_TOKEN_TYPE): TokenHeader | null {
  if (token.length > MAX_OWN_TOKEN_LENGTH || !COMPACT_JWS.test(token)) return null;
  const segment = token.slice(0, token.indexOf('.'));
  const last = lastAccepted.get(type);
  if (last?.segment === segment) return last.header;
  const header = headerIn(segment, type);
  // A copy, since a part of a string keeps the whole token in memory.
  if (header) lastAccepted.set(type, { segment: Buffer.from(segment, 'latin1').toString('latin1'), header });
  return header;
}

function headerIn(segment: string, type: string): TokenHeader | null {
  const header = parseSegment(segment);
  if (!header || Object.keys(header).length !== 3) return null;
  const { alg, typ, kid } = header;
  if (alg !== SOCKET_TOKEN_ALGORITHM || typ !== type) return null;
  return typeof kid === 'string' && KID.test(kid) ? { kid } : null;
}

/** The characters that may end base64url text, by its length modulo 4: those whose unused bits are 0. */
const CANONICAL_ENDS = ['', null, 'AQgw', 'AEIMQUYcgkosw048'] as const;

/**
 * Whether the last segment is the canonical encoding of its bytes: base64url has unused bits that would allow others
 * (RFC 4648 §3.5).
 */
export function hasCanonicalSignature(token: string): boolean {
  const length = token.length - token.lastIndexOf('.') - 1;
  const ends = CANONICAL_ENDS[length % 4];
  return ends === '' || (ends?.includes(token.at(-1)!) ?? false);
}

/** The JSON object in a segment; null if it contains anything else. */
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
