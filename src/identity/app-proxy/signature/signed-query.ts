import { createHmac, timingSafeEqual } from 'node:crypto';

/** The parameters that only the shop's proxy writes. Each stands at most once. */
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

/** Why a query is not one that the shop's proxy signed. Logged as it stands; the sender learns nothing of it. */
export type SignatureRefusal = 'missing' | 'malformed' | 'invalid';

/** A query whose signature holds, or the reason why not. No value was looked at before. */
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
 * Only this one algorithm is accepted: no second attempt with a parameter left out or added, no other parameter's name,
 * no other order. Whether the parameters make sense is {@link readProxyVisit}'s question, after this one.
 *
 * @param rawQuery what stands behind the first `?`, percent-encoded as it came, at most 8 KiB and 200 parameters
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

/** Decoded `name=value` texts, values of one name joined by a comma, sorted bytewise as a whole, with nothing between. */
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
