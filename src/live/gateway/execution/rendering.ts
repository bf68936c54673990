import { inspect } from 'node:util';
import { type ExecutionResult, GraphQLError, type GraphQLFormattedError } from 'graphql';
import type { TopicEvent } from '../../topics/topic-event.js';
import type { GraphqlContext } from '../../viewer/graphql-context.js';
import type { ExecutableOperation, Outcome, Variant } from './executable-operation.js';
import { type ByteText, toBytes } from '../connection/frame.js';
import type { Logger } from 'pino';
import { maskError } from '../../errors/mask-error.js';

/**
 * Turns an execution error into what the client may see; logs the rest.
 *
 * @param context of the socket that gets it; null if several do
 */
export type ShowError = (error: GraphQLError, context: GraphqlContext | null) => GraphQLFormattedError;

/** A result's JSON without its closing brace, so that `extensions` can follow. */
export type ResultText = ByteText;

/**
 * Contexts that detect being read. A result that was computed without reading one is the same for all subscribers with
 * the same variables.
 */
class Tripwire {
  tripped = false;
  readonly #handler: ProxyHandler<GraphqlContext> = {
    get: () => this.#trip(undefined),
    has: () => this.#trip(false),
    ownKeys: () => this.#trip([]),
    getOwnPropertyDescriptor: () => this.#trip(undefined),
    getPrototypeOf: () => this.#trip(null),
    set: () => this.#trip(true),
    defineProperty: () => this.#trip(true),
    deleteProperty: () => this.#trip(true),
  };

  /** A context for one execution: resolvers may keep values for it in a WeakMap, as for any other. */
  context(): GraphqlContext {
    this.tripped = false;
    return new Proxy({} as GraphqlContext, this.#handler);
  }

  #trip<T>(answer: T): T {
    this.tripped = true;
    return answer;
  }
}

/**
 * Executes operations for events and writes results as JSON; results that subscribers share are computed once per
 * event.
 */
export class Renderer {
  readonly #tripwire = new Tripwire();

  constructor(private readonly show: ShowError) {}

  /**
   * The result of one event for one subscriber. Synchronous unless a resolver is asynchronous. Never throws: a failure
   * becomes an error in the result.
   *
   * @param field the subscription field: the root value is `{ [field]: payload }`
   */
  render(
    event: TopicEvent,
    field: string,
    operation: ExecutableOperation,
    variant: Variant,
    context: GraphqlContext,
  ): ResultText | Promise<ResultText> {
    try {
      if (!operation.personal) {
        const shared =
          variant.last?.event === event ? variant.last.text : this.#renderShared(event, field, operation, variant);
        if (shared !== null) return shared;
      }
      const result = operation.run({ [field]: event.payload }, context, variant);
      if (!(result instanceof Promise)) return this.#text(result, context);
      return result
        .then((settled) => this.#text(settled, context))
        .catch((error: unknown) => this.#failed(error, context));
    } catch (error) {
      return this.#failed(error, context);
    }
  }

  /** What the client may see of anything that was thrown; the rest is logged. */
  shown(error: unknown, context: GraphqlContext | null): GraphQLFormattedError {
    return this.show(failure(error), context);
  }

  #text(outcome: Outcome, context: GraphqlContext | null): ResultText {
    return typeof outcome === 'string' ? toBytes(`{"data":${outcome}`) : this.result(outcome, context);
  }

  /**
   * Writes an execution result, errors masked.
   *
   * @throws TypeError if JSON cannot represent its data
   */
  result(result: ExecutionResult, context: GraphqlContext | null): ResultText {
    const data = result.data === undefined ? '' : `"data":${JSON.stringify(result.data)}`;
    if (!result.errors) return toBytes(`{${data}`);
    const errors = `{"errors":${JSON.stringify(result.errors.map((error) => this.show(error, context)))}`;
    return toBytes(data === '' ? errors : `${errors},${data}`);
  }

  /** An executor itself never throws; this handles values such as those that JSON cannot represent. */
  #failed(error: unknown, context: GraphqlContext): ResultText {
    return this.result({ data: null, errors: [failure(error)] }, context);
  }

  /** Null if the result belongs to one subscriber only, or is asynchronous. */
  #renderShared(event: TopicEvent, field: string, operation: ExecutableOperation, variant: Variant): ResultText | null {
    // A resolver that publishes to a topic of this process renders its events inside this execution.
    const outer = this.#tripwire.tripped;
    const result = operation.run({ [field]: event.payload }, this.#tripwire.context(), variant);
    const wasRead = this.#tripwire.tripped;
    this.#tripwire.tripped = outer;
    if (!(result instanceof Promise) && !wasRead) {
      const text = this.#text(result, null);
      // A topic's event is delivered to all its subscribers at once, so only the last result is worth keeping.
      variant.last = { event, text };
      return text;
    }
    // A promise may still read the context later, and its rejection can be ignored.
    if (result instanceof Promise) result.catch(() => undefined);
    operation.personal = true;
    return null;
  }
}

function failure(error: unknown): GraphQLError {
  const originalError = error instanceof Error ? error : new Error(`Not an Error: ${inspect(error)}`);
  return new GraphQLError('Not executed', { originalError });
}

/**
 * What a client sees of an error, on both transports; the unexpected cause goes to the log.
 *
 * @param requestId of a socket's upgrade; a request's own is added by the logger
 */
export function showError(error: GraphQLError, logger: Logger, requestId?: string): GraphQLFormattedError {
  const { shown, cause } = maskError(error);
  const facts = requestId === undefined ? {} : { requestId };
  if (cause !== undefined) logger.error({ ...facts, err: cause, path: error.path }, 'a resolver failed');
  return shown;
}
