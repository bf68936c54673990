import type { ExecutionResult, GraphQLFormattedError } from 'graphql';
import type { Logger } from 'pino';
import type { TopicEvent } from '../../topics/topic-event.js';
import type { GraphqlContext } from '../../viewer/graphql-context.js';
import type { ExecutableOperation, Outcome, Variant } from './executable-operation.js';
import { type ByteText, toBytes } from '../connection/frame.js';
import { showError, showThrown } from '../../errors/show-error.js';

/** A result's JSON without its closing brace, so that `extensions` can follow. */
export type ResultText = ByteText;

/**
 * Contexts that detect being read. A result that was computed without reading one is the same for all subscribers with
 * the same variables.
 */
class ContextProbe {
  wasRead = false;
  readonly #handler: ProxyHandler<GraphqlContext> = {
    get: () => this.#read(undefined),
    has: () => this.#read(false),
    ownKeys: () => this.#read([]),
    getOwnPropertyDescriptor: () => this.#read(undefined),
    getPrototypeOf: () => this.#read(null),
    set: () => this.#read(true),
    defineProperty: () => this.#read(true),
    deleteProperty: () => this.#read(true),
  };

  /** A context for one execution: resolvers may keep values for it in a WeakMap, as for any other. */
  context(): GraphqlContext {
    this.wasRead = false;
    return new Proxy({} as GraphqlContext, this.#handler);
  }

  #read<T>(answer: T): T {
    this.wasRead = true;
    return answer;
  }
}

/**
 * Executes operations for events and writes results as JSON; results that subscribers share are computed once per
 * event.
 */
export class Renderer {
  readonly #probe = new ContextProbe();
  /** Those with a result of this turn of the event loop. */
  readonly #rendered: Variant[] = [];

  constructor(private readonly logger: Logger) {}

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
  shown(thrown: unknown, context: GraphqlContext | null): GraphQLFormattedError {
    return showThrown(thrown, this.logger, context?.client.requestId);
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
    const shown = result.errors.map((error) => showError(error, this.logger, context?.client.requestId));
    const errors = `{"errors":${JSON.stringify(shown)}`;
    return toBytes(data === '' ? errors : `${errors},${data}`);
  }

  /** An executor itself never throws; this handles values such as those that JSON cannot represent. */
  #failed(error: unknown, context: GraphqlContext): ResultText {
    return toBytes(`{"errors":${JSON.stringify([this.shown(error, context)])},"data":null`);
  }

  /** Null if the result belongs to one subscriber only, or is asynchronous. */
  #renderShared(event: TopicEvent, field: string, operation: ExecutableOperation, variant: Variant): ResultText | null {
    // A resolver that publishes to a topic of this process renders its events inside this execution.
    const outer = this.#probe.wasRead;
    const result = operation.run({ [field]: event.payload }, this.#probe.context(), variant);
    const wasRead = this.#probe.wasRead;
    this.#probe.wasRead = outer;
    if (!(result instanceof Promise) && !wasRead) {
      const text = this.#text(result, null);
      this.#keep(variant, { event, text });
      return text;
    }
    // A promise may still read the context later, and its rejection can be ignored.
    if (result instanceof Promise) result.catch(() => undefined);
    operation.personal = true;
    return null;
  }

  /**
   * Keeps a result until the end of this turn: a topic's event is delivered to all its subscribers at once. Results that
   * were kept longer could take much more memory than their operations.
   */
  #keep(variant: Variant, result: NonNullable<Variant['last']>): void {
    if (variant.last === null && this.#rendered.push(variant) === 1) setImmediate(() => this.#forget());
    variant.last = result;
  }

  #forget(): void {
    for (const variant of this.#rendered.splice(0)) variant.last = null;
  }
}
