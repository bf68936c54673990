import {
  getNamedType,
  type GraphQLOutputType,
  type GraphQLSchema,
  isAbstractType,
  isEnumType,
  isListType,
  isNonNullType,
  isObjectType,
} from 'graphql';
import type { Random } from '../kit/random.js';

/** The probability that a value does not match its type. */
const FAULTS = 0.012;
const DEEPEST = 5;
/** The probability of each nested object below the first level; including all of them would make millions. */
const INNER = 0.25;

/** Generates a payload for a field of this type: usually valid, sometimes one for which graphql-js returns an error. */
export function randomPayload(schema: GraphQLSchema, type: GraphQLOutputType, random: Random, depth = 0): unknown {
  if (random.chance(FAULTS)) return fault(random);
  if (isNonNullType(type)) return present(schema, type.ofType, random, depth);
  return random.chance(0.1) ? random.pick([null, undefined]) : present(schema, type, random, depth);
}

function present(schema: GraphQLSchema, type: GraphQLOutputType, random: Random, depth: number): unknown {
  if (isListType(type)) {
    const length = depth > DEEPEST ? 0 : random.below(4);
    const items = Array.from({ length }, () => randomPayload(schema, type.ofType, random, depth + 1));
    if (random.chance(0.02)) return new Set(items);
    return random.chance(0.02) ? items.map((item) => quiet(Promise.resolve(item))) : items;
  }
  if (isEnumType(type)) return random.pick(type.getValues()).value as unknown;
  if (isAbstractType(type)) {
    const possible = random.pick(schema.getPossibleTypes(type));
    const value = present(schema, possible, random, depth) as object;
    return random.chance(0.9) ? Object.assign(value, { __typename: possible.name }) : value;
  }
  if (isObjectType(type)) return object(schema, type, random, depth);
  return scalar(getNamedType(type).name, random);
}

function object(
  schema: GraphQLSchema,
  type: { getFields(): Record<string, { type: GraphQLOutputType }> },
  random: Random,
  depth: number,
): object {
  const values: Record<string, unknown> = random.chance(0.1) ? (Object.create(null) as Record<string, unknown>) : {};
  for (const [name, { type: inner }] of Object.entries(type.getFields())) {
    if (!isLeafName(inner) && (depth > DEEPEST || (depth > 1 && !random.chance(INNER)))) continue;
    const value = randomPayload(schema, inner, random, depth + 1);
    values[name] = value;
    if (random.chance(0.004)) values[name] = () => value;
    if (random.chance(0.004)) values[name] = quiet(Promise.resolve(value));
    if (random.chance(0.002)) Object.defineProperty(values, name, { get: () => throwing(), enumerable: true });
  }
  return values;
}

function isLeafName(type: GraphQLOutputType): boolean {
  return !isObjectType(getNamedType(type)) && !isAbstractType(getNamedType(type));
}

function throwing(): never {
  throw new Error('a getter that throws');
}

function scalar(name: string, random: Random): unknown {
  switch (name) {
    case 'Int':
      return random.pick([0, -0, 7, -2_147_483_648, '5', true]);
    case 'Float':
      return random.pick([0.1, -0, 1e21, 1e-7, 3, '2.5']);
    case 'Boolean':
      return random.pick([true, false, 1]);
    case 'ID':
      return random.pick([7, 'seven', '']);
    case 'Stamp':
      return random.pick([1e12, 1e12, 1e12, 1e12, 2, 3, 0, 1]);
    case 'DateTime':
      return random.pick(['2026-01-02T03:04:05Z', '2026-01-02T03:04:05.678+02:00', new Date(0)]);
    case 'Any':
    case 'JSON':
      return anything(random);
    default:
      return random.pick(['', 'text', 'Grüße – "日本"\u2028</script>\ud800', 42, true, 'x'.repeat(200)]);
  }
}

/**
 * A function as a value. If a document selects it as `then`, graphql-js treats the object around it as a thenable and calls the
 * function. It settles the promise; otherwise graphql-js would wait forever.
 */
function callable(settle: unknown): number {
  if (typeof settle === 'function') (settle as (value: number) => void)(1);
  return 1;
}

/** Returns any value, for scalars that accept everything. */
function anything(random: Random): unknown {
  return random.pick<() => unknown>([
    () => ({ b: [1, null, undefined, 'x'], 2: 'two', 1: 'one', nested: { deep: { deeper: Number.NaN } } }),
    () => JSON.parse('{"__proto__":{"own":1},"toJSON":"text"}') as unknown,
    () => ({ toJSON: (key: string) => `called for ${key}` }),
    () => ({ inner: { toJSON: (key: string) => `called for ${key}` } }),
    () => new Date(0),
    () => [],
    () => 'text',
    () => -0,
    () => Number.POSITIVE_INFINITY,
    () => new Map([[1, 2]]),
    () => Object.assign(callable, { a: 1 }),
  ])();
}

function fault(random: Random): unknown {
  return random.pick<() => unknown>([
    () => null,
    () => undefined,
    () => new Error('an error as a value'),
    () => Symbol('symbol'),
    () => 'neither',
    () => ({}),
    () => ({ __typename: 'Nobody' }),
    () => ({ __typename: 'Leaf' }),
    () => [],
    () => Number.NaN,
    () => 10n,
    () => quiet(Promise.reject(new Error('a promise that is rejected'))),
    () => Promise.resolve(null),
  ])();
}

/** Marks a promise as handled: the document may never select it. */
function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}
