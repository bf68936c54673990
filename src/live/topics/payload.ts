import { hash } from 'node:crypto';

/** What an object or an array takes besides its text: V8's own fields, and for objects of ever new keys their hidden class. */
const CONTAINER_BYTES = 128;
/** The same of a number, a text, true, false or null: the field that holds it, and a text's own header. */
const VALUE_BYTES = 32;

/**
 * What a JSON value takes in memory besides its text, in bytes, roughly: 3 bytes of JSON can be an object of 64.
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

/** What a text takes in memory, in bytes: one for each character, or two for each where one is not ASCII. */
export function textBytes(text: string, utf8Bytes = Buffer.byteLength(text)): number {
  return utf8Bytes === text.length ? utf8Bytes : 2 * text.length;
}

/** What a payload takes in memory, for a publisher that has not measured it: at once for a number, by its JSON for an object. */
export function payloadBytes(payload: unknown): number {
  if (typeof payload === 'string') return VALUE_BYTES + textBytes(payload);
  if (typeof payload !== 'object' || payload === null) return VALUE_BYTES;
  return structureBytes(payload) + textBytes(JSON.stringify(payload));
}

/** What tells two payloads under one idempotency key apart: SHA-256 of the JSON, 43 characters without a space. */
export function payloadDigest(payload: unknown): string {
  return hash('sha256', JSON.stringify(payload) ?? 'null', 'base64url');
}
