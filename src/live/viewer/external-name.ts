/** The longest subject or session id of a source, in bytes of UTF-8 before it is encoded. */
const MAX_EXTERNAL_NAME_BYTES = 200;
const SOURCE = /^[a-z0-9][a-z0-9-]{0,31}$/;
const PLAIN = /^[A-Za-z0-9._~@|+=-]+$/;
const ENCODED = /^(?:[A-Za-z0-9._~@|+=-]|%[0-9A-F]{2}){1,600}$/;
/** C0, DEL and C1: no provider uses them in ids, and they break log lines. */
// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;
/** An unpaired surrogate has no UTF-8 encoding: encoders write the same replacement for all of them. */
const ILL_FORMED = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

/** Whether text names a source: 1 to 32 of `a-z`, `0-9` and `-`, not starting with `-`. */
export function isSource(text: unknown): text is string {
  return typeof text === 'string' && SOURCE.test(text);
}

/**
 * Encodes an external name so that it contains no separator: everything outside `A-Za-z0-9._~@|+=-` is
 * percent-encoded as UTF-8 (RFC 3986 §2.1). Every name has exactly one encoding; nothing is normalised or case-folded.
 *
 * @returns null for an empty name, one of more than 200 bytes, a control character, or an unpaired surrogate
 */
export function encodeExternalName(name: string): string | null {
  if (name.length === 0 || name.length > MAX_EXTERNAL_NAME_BYTES) return null;
  if (PLAIN.test(name)) return name;
  if (CONTROL.test(name) || ILL_FORMED.test(name)) return null;
  const bytes = Buffer.from(name, 'utf8');
  return bytes.length > MAX_EXTERNAL_NAME_BYTES ? null : Array.from(bytes, encodeByte).join('');
}

/**
 * Decodes a name that {@link encodeExternalName} has encoded.
 *
 * @returns null for any other spelling: `%41` for `A`, `%3a` for `%3A`, bytes that are not UTF-8
 */
export function decodeExternalName(encoded: string): string | null {
  if (!ENCODED.test(encoded)) return null;
  try {
    const name = decodeURIComponent(encoded);
    return encodeExternalName(name) === encoded ? name : null;
  } catch {
    return null;
  }
}

function encodeByte(byte: number): string {
  const character = String.fromCharCode(byte);
  return PLAIN.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
}
