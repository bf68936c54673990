import { constants, KeyObject, verify, type VerifyKeyObjectInput } from 'node:crypto';
import type { CryptoKey } from 'jose';
import { hasCanonicalSignature } from '../../live/tokens/token-header.js';

/** The shortest accepted RSA key, in bits; shorter ones can be factored (RFC 7518 §3.3). */
const SHORTEST_RSA_BITS = 2_048;

type Scheme = Omit<VerifyKeyObjectInput, 'key'> & { readonly hash: string | null };

const PKCS1 = { padding: constants.RSA_PKCS1_PADDING };
const PSS = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST };
const RAW = { dsaEncoding: 'ieee-p1363' } as const;

/** How each algorithm signs (RFC 7518 §3, RFC 8037 §3.1). */
const SCHEMES: Readonly<Record<string, Scheme>> = {
  RS256: { hash: 'sha256', ...PKCS1 },
  RS384: { hash: 'sha384', ...PKCS1 },
  RS512: { hash: 'sha512', ...PKCS1 },
  PS256: { hash: 'sha256', ...PSS },
  PS384: { hash: 'sha384', ...PSS },
  PS512: { hash: 'sha512', ...PSS },
  ES256: { hash: 'sha256', ...RAW },
  ES384: { hash: 'sha384', ...RAW },
  ES512: { hash: 'sha512', ...RAW },
  EdDSA: { hash: null },
  Ed25519: { hash: null },
};
const keyObjects = new WeakMap<CryptoKey, KeyObject>();

/**
 * Whether a compact JWS is signed with this key (RFC 7515 §5.2). Uses node:crypto with a key that jose has selected for
 * the algorithm, because WebCrypto adds three times the cost of a signature, which matters when many sockets reconnect.
 */
export function isSignedBy(token: string, algorithm: string, key: CryptoKey): boolean {
  const scheme = Object.hasOwn(SCHEMES, algorithm) ? SCHEMES[algorithm] : undefined;
  const keyObject = keyObjectOf(key);
  const { modulusLength = SHORTEST_RSA_BITS } = keyObject.asymmetricKeyDetails ?? {};
  if (!scheme || !hasCanonicalSignature(token) || keyObject.type !== 'public' || modulusLength < SHORTEST_RSA_BITS)
    return false;
  const { hash, ...how } = scheme;
  const end = token.lastIndexOf('.');
  const signature = Buffer.from(token.slice(end + 1), 'base64url');
  return verify(hash, Buffer.from(token.slice(0, end)), { key: keyObject, ...how }, signature);
}

function keyObjectOf(key: CryptoKey): KeyObject {
  const known = keyObjects.get(key);
  if (known) return known;
  const made = KeyObject.from(key);
  keyObjects.set(key, made);
  return made;
}
