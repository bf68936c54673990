import { hash } from 'node:crypto';

/**
 * Memory of an object or an array besides its text: V8's own fields, and for objects with ever new keys their hidden
 * class.
 */
const CONTAINER_BYTES = 128;
/** The same for a number, a string, true, false or null: its field, and a string's header. */
const VALUE_BYTES = 32;

/** JSON writes a UTF-16 unit as at most 6 bytes (`\u0000`), and a number or a literal as at most 25. */
const JSON_BYTES_OF_UNIT = 6;
const JSON_BYTES_OF_VALUE = 25;
/** Quotes, a colon and a comma. */
const JSON_BYTES_AROUND = 4;

/** Types of JavaScript that `JSON.stringify` writes as `{}`, by the name that `Object.prototype.toString` gives them. */
const LOSES_CONTENT = new Set([
  'ArrayBuffer',
  'Error',
  'Map',
  'Promise',
  'RegExp',
  'Set',
  'SharedArrayBuffer',
  'WeakMap',
  'WeakRef',
  'WeakSet',
]);

/** How large a JSON value is, and whether it is one. */
export interface PayloadSize {
  /** What it takes in memory, roughly: 3 bytes of JSON can be an object of 64. */
  readonly memoryBytes: number;
  /** Its JSON takes at most this many bytes; few values take nearly as many. */
  readonly maxJsonBytes: number;
  /** Why it cannot be published, as the end of a message; null if it can. */
  readonly fault: string | null;
  /** Whether a part has `toJSON`, such as a `Date`, and is therefore other JSON than it is now. Not measured. */
  readonly hasToJson: boolean;
}

type Measured = { -readonly [Field in keyof PayloadSize]: PayloadSize[Field] };

/**
 * Measures a JSON value without writing its JSON.
 *
 * @param levels how deeply a value from outside may be nested; default: the value is this process's own. From outside,
 * a key `__proto__` is a fault as well: code that copies its fields would take it for a prototype
 */
export function measurePayload(payload: unknown, levels = Infinity): PayloadSize {
  const size: Measured = { memoryBytes: 0, maxJsonBytes: 0, fault: null, hasToJson: false };
  if (!measure(payload, levels, size)) size.fault = `is nested deeper than ${levels} levels, or has a key __proto__`;
  return size;
}

/** False if the rest is not worth measuring. */
function measure(value: unknown, levels: number, size: Measured): boolean {
  size.maxJsonBytes += JSON_BYTES_AROUND;
  if (typeof value === 'string') {
    size.memoryBytes += VALUE_BYTES + textBytes(value);
    size.maxJsonBytes += JSON_BYTES_OF_UNIT * value.length;
    return true;
  }
  if (typeof value !== 'object' || value === null) {
    size.memoryBytes += VALUE_BYTES;
    size.maxJsonBytes += JSON_BYTES_OF_VALUE;
    checkValue(value, size);
    return true;
  }
  if (hasToJson(value)) {
    size.hasToJson = true;
    return true;
  }
  if (levels <= 0) return false;
  size.memoryBytes += CONTAINER_BYTES;
  if (Array.isArray(value)) return value.every((part) => measure(part, levels - 1, size));
  let isEmpty = true;
  for (const key in value) {
    isEmpty = false;
    if (key === '__proto__' && levels !== Infinity) return false;
    size.memoryBytes += key.length;
    size.maxJsonBytes += JSON_BYTES_AROUND + JSON_BYTES_OF_UNIT * key.length;
    if (!measure((value as Record<string, unknown>)[key], levels - 1, size)) return false;
  }
  if (isEmpty) checkEmpty(value, size);
  return true;
}

/** JSON has `{}` for a `Map`, a `Promise` and others whose content is not in fields, which would be lost. */
function checkEmpty(value: object, size: Measured): void {
  const type = Object.prototype.toString.call(value).slice('[object '.length, -1);
  if (LOSES_CONTENT.has(type)) size.fault = `has an object of type ${type}, which is not JSON`;
}

/** Values that code can produce but a JSON parser cannot. `undefined` counts as a field that is left out. */
function checkValue(value: unknown, size: Measured): void {
  if (typeof value === 'number' && !Number.isFinite(value)) size.fault = 'has a number that is not finite';
  else if (typeof value === 'bigint' && hasToJson(value)) size.hasToJson = true;
  else if (typeof value === 'bigint' || typeof value === 'function' || typeof value === 'symbol')
    size.fault = `has a ${typeof value}, which is not JSON`;
}

function hasToJson(value: object | bigint): boolean {
  return typeof (value as { readonly toJSON?: unknown }).toJSON === 'function';
}

/** What `JSON.stringify` writes of a value with `toJSON`, such as the text of a `Date`; undefined if it throws. */
export function toJsonValue(payload: unknown): unknown {
  try {
    return JSON.parse(JSON.stringify(payload));
  } catch {
    return undefined;
  }
}

/** The memory of a string: one byte per character, or two if any character is not ASCII. */
function textBytes(text: string): number {
  return Buffer.byteLength(text) === text.length ? text.length : 2 * text.length;
}

/**
 * Distinguishes two payloads with one idempotency key: SHA-256 of the JSON, 43 characters without a space. The order of
 * an object's fields makes no difference, since the maps of many languages have none.
 */
export function payloadDigest(payload: unknown): string {
  return hash('sha256', JSON.stringify(withSortedFields(payload)) ?? 'null', 'base64url');
}

/** A copy, since a replacer of `JSON.stringify` takes three times as long. */
function withSortedFields(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || hasToJson(value)) return value;
  if (Array.isArray(value)) return value.map(withSortedFields);
  const names = Object.keys(value).sort();
  return Object.fromEntries(names.map((name) => [name, withSortedFields((value as Record<string, unknown>)[name])]));
}
