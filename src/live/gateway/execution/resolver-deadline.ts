import { type GraphQLFieldResolver, type GraphQLSchema, isObjectType } from 'graphql';
import { UnavailableError } from '../../errors/sallyport.errors.js';
import type { GraphqlContext } from '../../viewer/graphql-context.js';
import { isPromise } from './value-writers.js';

/** How long an execution may take, in milliseconds: over HTTP the whole request, on the socket each resolver. */
export const EXECUTION_DEADLINE_MS = 10_000;
/** How often deadlines are checked, in milliseconds; an answer may be late by this time. */
const CHECK_EVERY_MS = 50;

type Resolver = GraphQLFieldResolver<unknown, GraphqlContext>;

/**
 * Bounds every resolver of a schema, `subscribe` included: one that does not finish in time fails with UNAVAILABLE,
 * whatever it does afterwards. Synchronous resolvers have no overhead, and fields without a resolver have no deadline.
 *
 * @param deadlineMs for a resolver whose context has no `answerByMs`
 */
export function withDeadlines(schema: GraphQLSchema, deadlineMs: number): GraphQLSchema {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || type.name.startsWith('__')) continue;
    for (const field of Object.values(type.getFields())) {
      if (field.resolve) field.resolve = bounded(field.resolve, deadlineMs);
      if (field.subscribe) field.subscribe = bounded(field.subscribe, deadlineMs);
    }
  }
  return schema;
}

function bounded(resolve: Resolver, deadlineMs: number): Resolver {
  return (source, args, context, info): unknown => {
    const value: unknown = resolve(source, args, context, info);
    if (!isPromise(value)) return value;
    const leftMs = context.answerByMs === undefined ? deadlineMs : context.answerByMs - performance.now();
    return deadlines.within(value, Math.max(0, leftMs));
  };
}

/** A pending result and its deadline on the monotonic clock. */
interface Waiting {
  readonly dueMs: number;
  reject(error: Error): void;
}

/**
 * All pending results, with one timer: nearly all finish within the same turn of the event loop, so a timer for each
 * would cost more than the work. The timer runs only while something is pending.
 */
class Deadlines {
  readonly #waiting = new Set<Waiting>();
  #timer: NodeJS.Timeout | null = null;

  /** Settles like the promise, or rejects after `limitMs`. */
  within(promise: PromiseLike<unknown>, limitMs: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const waiting = { dueMs: performance.now() + limitMs, reject };
      this.#waiting.add(waiting);
      this.#timer ??= setInterval(() => this.#check(), CHECK_EVERY_MS).unref();
      const done = (): void => void this.#waiting.delete(waiting);
      Promise.resolve(promise).finally(done).then(resolve, reject);
    });
  }

  #check(): void {
    if (this.#waiting.size === 0 && this.#timer) {
      clearInterval(this.#timer);
      this.#timer = null;
    }
    const nowMs = performance.now();
    for (const waiting of this.#waiting) {
      if (waiting.dueMs > nowMs) continue;
      this.#waiting.delete(waiting);
      waiting.reject(new UnavailableError('The server took too long: try again in a moment.'));
    }
  }
}

const deadlines = new Deadlines();
