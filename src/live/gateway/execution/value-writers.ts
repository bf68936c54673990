import type { GraphQLLeafType, GraphQLResolveInfo } from 'graphql';

/** The path of a value in the result, as passed to resolvers. */
export type Path = GraphQLResolveInfo['path'];
/** JSON, or a promise of it. */
export type Text = string | Promise<string>;
/** The values that differ between events. */
export interface Run {
  readonly root: unknown;
  readonly context: unknown;
  readonly variables: Record<string, unknown>;
}

/** Writes a field's value as JSON. Throws {@link FALLBACK} for values that graphql-js would answer with an error. */
export type Write = (value: unknown, run: Run, info: GraphQLResolveInfo | null, path: Path | undefined) => Text;

/**
 * Thrown to end a plan, so that graphql-js executes the event. Created once, since a stack trace costs more than an
 * event.
 */
export const FALLBACK: Error = new Error('falls back to graphql-js');

/** Writes a value that a resolver returned as a promise. */
export function later(
  value: PromiseLike<unknown>,
  write: Write,
  run: Run,
  info: GraphQLResolveInfo | null,
  path: Path | undefined,
): Promise<string> {
  return quiet(Promise.resolve(value).then((settled) => write(settled, run, info, path)));
}

/** A promise whose rejection may go unobserved, because another field ended the run before. */
export function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

/** Returns {@link FALLBACK}, after a value that may be a promise that will not be awaited. */
export function fallBackWith(verdict: unknown): Error {
  if (isPromise(verdict)) void quiet(Promise.resolve(verdict));
  return FALLBACK;
}

/** Writes `null` for absent values, and others with the given writer. */
export function nullable(write: Write): Write {
  return (value, run, info, path) => {
    if (value === undefined || value === null) return 'null';
    if (value instanceof Error) throw FALLBACK;
    return write(value, run, info, path);
  };
}

/** Refuses `null`. */
export function nonNull(text: Text): Text {
  if (text === 'null') throw FALLBACK;
  return typeof text === 'string' ? text : quiet(text.then(nonNull));
}

/** Writes an array's items. Other iterables are left to graphql-js. */
export function writeList(
  values: unknown,
  write: Write,
  run: Run,
  info: GraphQLResolveInfo | null,
  path: Path | undefined,
): Text {
  if (!Array.isArray(values)) throw FALLBACK;
  const texts: Text[] = [];
  let waits = false;
  for (let index = 0; index < values.length; index++) {
    const value: unknown = values[index];
    const at: Path = { prev: path, key: index, typename: undefined };
    const text = isPromise(value) ? later(value, write, run, info, at) : write(value, run, info, at);
    waits ||= typeof text !== 'string';
    texts.push(text);
  }
  if (!waits) return `[${(texts as string[]).join(',')}]`;
  return quiet(Promise.all(texts.map(async (text) => text)).then((settled) => `[${settled.join(',')}]`));
}

/** Writes the serialised value of a scalar or an enum. */
export function leaf(type: GraphQLLeafType): Write {
  return (value) => {
    const serialized: unknown = type.serialize(value);
    if (typeof serialized === 'string') return quoted(serialized);
    if (typeof serialized === 'boolean') return serialized ? 'true' : 'false';
    if (typeof serialized !== 'number') return structured(serialized);
    // NaN and the infinities are `null` in JSON, which a non-null field must not contain.
    if (!Number.isFinite(serialized)) throw FALLBACK;
    return String(serialized);
  };
}

/** What JSON may have to escape: quotes, backslashes, control characters, and surrogates, which may be unpaired. */
// oxlint-disable-next-line no-control-regex -- they are what it looks for
const MAY_NEED_ESCAPES = /["\\\u0000-\u001f\ud800-\udfff]/;

/** A string as JSON. Most strings need no escapes, and finding that out takes half as long as `JSON.stringify`. */
function quoted(text: string): string {
  return MAY_NEED_ESCAPES.test(text) ? JSON.stringify(text) : `"${text}"`;
}

/** The serialised value of a custom scalar. `toJSON` gets the key, which only the whole result knows. */
function structured(value: unknown): string {
  if (typeof value !== 'object' || value === null || 'toJSON' in value || isPromise(value)) throw fallBackWith(value);
  return JSON.stringify(value);
}

/** What graphql-js treats as a promise. */
export function isPromise(value: unknown): value is PromiseLike<unknown> {
  // Most values are none, and looking for a method of a primitive takes longer than this.
  if (typeof value !== 'object' && typeof value !== 'function') return false;
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}
