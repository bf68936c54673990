import { Float, ID, Int } from '@nestjs/graphql';
import { GraphQLScalarType } from 'graphql';
import type { SlowReaderPolicy, TopicDefinition } from '../topics/topic.js';
import type { ObjectClass } from './compiled-rules.js';
import { checkObject, type PayloadVerdict } from './payload-check.js';

/**
 * The type of a feed's events: a class with `@ObjectType()` whose fields carry class-validator's decorators, a scalar
 * of `@nestjs/graphql` (`Int`, `Float`, `ID`, or a custom one), `String` or `Boolean`.
 */
export type FeedType<T> = T extends object
  ? ObjectClass<T> | GraphQLScalarType<unknown, unknown>
  : GraphQLScalarType<unknown, unknown> | StringConstructor | BooleanConstructor;

/** The options of a feed. */
export interface FeedOptions<T> {
  /** The name that publishers use: lower-case letters, digits and `_`. A viewer's topic is `<name>:<viewer id>`. */
  readonly name: string;
  /** The subscription field, such as `orderStatus`. */
  readonly field: string;
  readonly type: FeedType<T>;
  /** The field's description in the schema. */
  readonly description?: string;
  /**
   * How many events are kept for clients that reconnect, at least 1, and for how many seconds, at most a year. This
   * takes memory for each viewer.
   */
  readonly history: { readonly events: number; readonly seconds: number };
  /**
   * What a new subscriber gets first: the last event, the whole history, or nothing. A resuming one gets what it
   * missed.
   */
  readonly onSubscribe: TopicDefinition['onSubscribe'];
  /** How a slow reader is treated: it gets only the newest event, or is closed so that it resumes. */
  readonly slowReader: SlowReaderPolicy;
  /**
   * How long an event may wait to be written together with later ones of any feed of the same socket, in milliseconds,
   * at most 1,000. Fewer and larger writes take less of the processor. Events stay in order. Default: 0, which writes
   * once per turn of the event loop.
   */
  readonly deliverWithin?: number;
  /**
   * Values of fields that a publisher may leave out, always of the same fields. Called once here, and then for each
   * published event that lacks one of them. Default: none.
   */
  readonly defaults?: () => Partial<T>;
}

/** A feed: one subscription field whose events belong to one viewer each. Created by {@link defineFeed}. */
export interface Feed<T = unknown> {
  readonly topic: TopicDefinition;
  readonly type: FeedType<T>;
  readonly description: string | undefined;
  /** The fields that a publisher may leave out, because they have a default. */
  readonly defaulted: readonly string[];
  /**
   * Checks a JSON value from a publisher against the feed's type.
   *
   * @throws Error when a rule of the type returns a promise, and whatever else a rule throws
   */
  check(payload: unknown): PayloadVerdict;
}

const OPTIONS: ReadonlySet<string> = new Set([
  'name',
  'field',
  'type',
  'description',
  'history',
  'onSubscribe',
  'slowReader',
  'deliverWithin',
  'defaults',
] satisfies (keyof FeedOptions<unknown>)[]);
const NAME = /^[a-z][a-z0-9_]{0,63}$/;
const FIELD = /^[_A-Za-z][_0-9A-Za-z]*$/;
/** In seconds: a year. */
const MAX_HISTORY_SECONDS = 365 * 24 * 60 * 60;
/** In milliseconds. */
const MAX_DELIVER_WITHIN_MS = 1_000;
const ON_SUBSCRIBE: readonly TopicDefinition['onSubscribe'][] = ['last-event', 'history', 'nothing'];
const SLOW_READER: readonly SlowReaderPolicy[] = ['keep-latest', 'close'];
const MIN_INT = -2_147_483_648;
const MAX_INT = 2_147_483_647;

/**
 * Defines a feed; `FeedModule.of` adds it to the server.
 *
 * @throws Error if the definition is invalid, naming the option
 */
export function defineFeed<T>(options: FeedOptions<T>): Feed<T> {
  checkOptions(options);
  const { name, field, type, description, history, onSubscribe, slowReader, defaults, deliverWithin = 0 } = options;
  const { events: historySize, seconds: historySeconds } = history;
  const defaulted = Object.keys(defaultsOf(options));
  return {
    topic: { name, field, historySize, historySeconds, onSubscribe, slowReader, deliverWithinMs: deliverWithin },
    type,
    description,
    defaulted,
    check: checkOf(type, defaults, defaulted),
  };
}

/** Options may come from JavaScript, so types are checked as well. */
function checkOptions<T>(options: FeedOptions<T>): void {
  const { name, field, type, onSubscribe, slowReader, deliverWithin = 0 } = options;
  const must = (isRight: boolean, rule: string): void => {
    if (!isRight) throw new Error(`Feed "${name}": ${rule}.`);
  };
  for (const [option, value] of Object.entries(options))
    must(value === undefined || OPTIONS.has(option), `${option} is not an option of a feed`);
  const { events, seconds }: Partial<FeedOptions<T>['history']> = options.history ?? {};
  must(isText(name, NAME), 'name must be lower-case letters, digits and _, such as order_status');
  must(isText(field, FIELD), 'field must be a GraphQL name, such as orderStatus');
  must(
    typeof type === 'function' || type instanceof GraphQLScalarType,
    'type must be a class or a scalar. A class that is undefined here is often one whose file imports this one',
  );
  must(isCount(events), 'history.events must be a whole number, 1 or more');
  must(
    isCount(seconds) && seconds <= MAX_HISTORY_SECONDS,
    `history.seconds must be a whole number, 1 to ${MAX_HISTORY_SECONDS} (a year)`,
  );
  must(ON_SUBSCRIBE.includes(onSubscribe), `onSubscribe must be one of ${ON_SUBSCRIBE.join(', ')}`);
  must(SLOW_READER.includes(slowReader), `slowReader must be one of ${SLOW_READER.join(', ')}`);
  must(
    deliverWithin === 0 || (isCount(deliverWithin) && deliverWithin <= MAX_DELIVER_WITHIN_MS),
    `deliverWithin must be a whole number of milliseconds, 0 to ${MAX_DELIVER_WITHIN_MS}`,
  );
}

/** What the option `defaults` returns; an empty object without it. */
function defaultsOf<T>({ name, defaults }: FeedOptions<T>): object {
  if (defaults === undefined) return {};
  const values: unknown = typeof defaults === 'function' ? defaults() : null;
  if (typeof values !== 'object' || values === null || 'then' in values)
    throw new Error(`Feed "${name}": defaults must be a function that returns an object, not a promise.`);
  return values;
}

function isText(value: unknown, pattern: RegExp): boolean {
  return typeof value === 'string' && pattern.test(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}

function checkOf<T>(
  type: FeedType<T>,
  defaults: FeedOptions<T>['defaults'],
  defaulted: readonly string[],
): Feed['check'] {
  if (type === Int) return (value) => verdictOf(isInt(value), value, 'an Int: a whole number of 32 bits');
  if (type === Float) return (value) => verdictOf(Number.isFinite(value), value, 'a Float: a finite number');
  if (type === ID || type === String) return (value) => verdictOf(typeof value === 'string', value, 'a String');
  if (type === Boolean) return (value) => verdictOf(typeof value === 'boolean', value, 'a Boolean');
  if (type instanceof GraphQLScalarType) return (value) => verdictOf(serializes(type, value), value, `a ${type.name}`);
  if (!defaults) return (value) => checkObject(type as ObjectClass, value);
  return (value) => checkObject(type as ObjectClass, value, hasAll(value, defaulted) ? undefined : defaults());
}

function hasAll(value: unknown, fields: readonly string[]): boolean {
  return typeof value === 'object' && value !== null && fields.every((field) => Object.hasOwn(value, field));
}

function verdictOf(ok: boolean, value: unknown, wanted: string): PayloadVerdict {
  return ok ? { ok: true, value } : { ok: false, message: `payload must be ${wanted}.` };
}

function isInt(value: unknown): boolean {
  return Number.isInteger(value) && MIN_INT <= (value as number) && (value as number) <= MAX_INT;
}

function serializes(type: GraphQLScalarType, value: unknown): boolean {
  // No scalar is asked about null, which the field cannot be.
  if (value === null) return false;
  try {
    // Some scalars write null for what they do not know, as those of @nestjs/graphql do for a date's text.
    const serialized: unknown = type.serialize(value);
    return serialized !== null && serialized !== undefined;
  } catch {
    return false;
  }
}
