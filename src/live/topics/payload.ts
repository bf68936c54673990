import { hash } from 'node:crypto';

/**
 * Memory of an object or an array besides its text: V8's own fields, and for objects with ever new keys their hidden
 * class.
 */
const CONTAINER_BYTES = 128;
/** The same for a number, a string, true, false or null: its field, and a string's header. */
const VALUE_BYTES = 32;

/**
 * The approximate memory of a JSON value besides its text, in bytes: 3 bytes of JSON can be an object of 64.
 *
 * @param levels how deeply it may be nested
 * @returns Infinity when it is nested deeper
 */
export function structureBytes(value: unknown, levels = Infinity): number {
  if (typeof value !== 'object' || value === null) return VALUE_BYTES;
  if (levels <= 0) return Infinity;
  let bytes = CONTAINER_BYTES;
  for (const part of Object.values(value)) bytes += structureBytes(part, levels - 1);
  return bytes;
}

/** The memory of a string, in bytes: one per character, or two if any character is not ASCII. */
export function textBytes(text: string, utf8Bytes = Buffer.byteLength(text)): number {
  return utf8Bytes === text.length ? utf8Bytes : 2 * text.length;
}

/** The memory of a payload that the publisher has not measured: directly for a number, from its JSON for an object. */
export function payloadBytes(payload: unknown): number {
  if (typeof payload === 'string') return VALUE_BYTES + textBytes(payload);
  if (typeof payload !== 'object' || payload === null) return VALUE_BYTES;
  return structureBytes(payload) + textBytes(JSON.stringify(payload));
}

/** Distinguishes two payloads with one idempotency key: SHA-256 of the JSON, 43 characters without a space. */
export function payloadDigest(payload: unknown): string {
  return hash('sha256', JSON.stringify(payload) ?? 'null', 'base64url');
}
