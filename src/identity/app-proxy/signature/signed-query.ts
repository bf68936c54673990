import { createHmac, timingSafeEqual } from 'node:crypto';

/** The parameters that only the shop's proxy writes. Each occurs at most once. */
export const RESERVED_NAMES = [
  'shop',
  'path_prefix',
  'timestamp',
  'logged_in_customer_id',
  'signature',
  'hmac',
] as const;

const MAX_QUERY_LENGTH = 8192;
const MAX_PARAMETERS = 200;
const SIGNATURE = /^[0-9a-f]{64}$/;

/** Why a query was not signed by the shop's proxy. Logged as is, but not shown to the sender. */
export type SignatureRefusal = 'missing' | 'malformed' | 'invalid';

/** A query with a valid signature, or the reason for a refusal. No value was used before. */
export type SignatureVerdict =
  | {
      readonly ok: true;
      readonly parameters: URLSearchParams;
      /** The text that was signed. */
      readonly canonical: string;
      readonly signature: string;
    }
  | { readonly ok: false; readonly reason: SignatureRefusal };

/**
 * Verifies the app proxy's signature over a raw query, in constant time.
 *
 * Accepts exactly one algorithm: no second attempt with a parameter omitted or added, another parameter name or another
 * order. {@link readProxyVisit} then checks the parameters themselves.
 *
 * @param rawQuery the text after the first `?`, percent-encoded as received, at most 8 KiB and 200 parameters
 * @param secret the app's shared secret, used as text
 */
export function verifySignedQuery(rawQuery: string, secret: string): SignatureVerdict {
  if (rawQuery.length > MAX_QUERY_LENGTH) return { ok: false, reason: 'malformed' };
  const parameters = new URLSearchParams(rawQuery);
  if (parameters.size > MAX_PARAMETERS) return { ok: false, reason: 'malformed' };
  const [signature, ...more] = parameters.getAll('signature');
  if (signature === undefined) return { ok: false, reason: 'missing' };
  if (more.length > 0 || !SIGNATURE.test(signature)) return { ok: false, reason: 'malformed' };
  const canonical = canonicalText(parameters);
  const expected = createHmac('sha256', secret).update(canonical).digest();
  if (!timingSafeEqual(expected, Buffer.from(signature, 'hex'))) return { ok: false, reason: 'invalid' };
  return { ok: true, parameters, canonical, signature };
}

/**
 * Decoded `name=value` texts, values of one name joined by a comma, sorted bytewise as a whole, concatenated without
 * separators.
 */
function canonicalText(parameters: URLSearchParams): string {
  const values = new Map<string, string[]>();
  for (const [name, value] of parameters) {
    if (name === 'signature') continue;
    const known = values.get(name);
    if (known) known.push(value);
    else values.set(name, [value]);
  }
  return [...values]
    .map(([name, all]) => Buffer.from(`${name}=${all.join(',')}`))
    .sort((one, other) => Buffer.compare(one, other))
    .join('');
}
