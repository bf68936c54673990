import { type GraphQLFieldResolver, type GraphQLSchema, isObjectType } from 'graphql';
import { UnavailableError } from '../../errors/sallyport.errors.js';
import type { GraphqlContext } from '../../viewer/graphql-context.js';

/** How long an execution may take, in milliseconds: a request over HTTP as a whole, on the socket each resolver. */
export const EXECUTION_DEADLINE_MS = 10_000;

type Resolver = GraphQLFieldResolver<unknown, GraphqlContext>;

/**
 * Bounds every resolver of a schema, `subscribe` included: one that is not done in time fails with UNAVAILABLE, whatever it
 * does afterwards. A resolver that answers at once is not slowed down.
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
    if (!(value instanceof Promise)) return value;
    const leftMs = context.answerByMs === undefined ? deadlineMs : context.answerByMs - performance.now();
    return withinMs(value, Math.max(0, leftMs));
  };
}

function withinMs(promise: Promise<unknown>, limitMs: number): Promise<unknown> {
  let timer: NodeJS.Timeout;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new UnavailableError('The server took too long: try again in a moment.')), limitMs);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
