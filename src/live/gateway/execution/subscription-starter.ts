import { Inject, Injectable } from '@nestjs/common';
import { type ExecutionResult, GraphQLError } from 'graphql';
import type { SubscribePayload } from 'graphql-ws';
import type { Logger } from 'pino';
import { CloseCode } from '../../../protocol/close-code.js';
import { UnavailableError } from '../../errors/sallyport.errors.js';
import { LOGGER } from '../../logging/logger.js';
import { measurePayload } from '../../topics/payload.js';
import { TopicStream } from '../../topics/topic-stream.js';
import type { Connection } from '../connection/connection.js';
import { Delivery } from './delivery.js';
import { ExecutableOperation } from './executable-operation.js';
import { ExecutedStream } from './executed-stream.js';
import { full } from './operation-cache.js';
import { refused, variablesFault } from './operation-limits.js';
import { Renderer } from './rendering.js';
import { showError } from '../../errors/show-error.js';
import { ServedOperations } from './served-operations.js';
import type { Subscription, SubscriptionRequest } from './subscription.js';
import { SubscriptionMetrics } from './subscription.metrics.js';

/** What a Subscribe message starts, or why it starts nothing. */
type PreparedSubscription = SubscriptionRequest | readonly GraphQLError[];

/** The errors of a message whose socket is closed: nobody gets them. */
const CLOSED: readonly GraphQLError[] = [new GraphQLError('The socket is closed.')];

/** Starts subscriptions. */
@Injectable()
export class SubscriptionStarter {
  readonly #renderer: Renderer;

  constructor(
    private readonly operations: ServedOperations,
    private readonly metrics: SubscriptionMetrics,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.#renderer = new Renderer(logger);
  }

  /**
   * Starts what a Subscribe message asks for: sends its results, or ends the subscription with an Error. A server error
   * is an Error as well, and the socket stays open.
   *
   * @param messageBytes the length of the message
   * @throws UnavailableError if a store is unavailable; the caller closes the socket, because ordinary clients retry
   * after a close, but not after an Error
   */
  async start(subscription: Subscription, payload: SubscribePayload, messageBytes: number): Promise<void> {
    let startedAtMs = performance.now();
    let field: string | null = null;
    try {
      const prepared = this.#prepare(subscription, payload, messageBytes);
      // A Complete that came in the same read is handled before this continues.
      await Promise.resolve();
      if (subscription.isOver) return;
      if (!('operation' in prepared)) return this.#refuse(subscription, prepared, startedAtMs);
      field = prepared.operation.field;
      const { fault, waitedMs = 0 } = await this.#subscribe(subscription, prepared);
      // Waiting for the reader of the socket says nothing about this server.
      startedAtMs += waitedMs;
      this.metrics.answered(field, fault ? 'failed' : 'ok', startedAtMs);
      if (!fault || subscription.isOver) return;
      subscription.next(this.#renderer.result(fault, prepared.context));
      subscription.complete();
    } catch (error) {
      this.metrics.answered(field, 'failed', startedAtMs);
      if (error instanceof UnavailableError) {
        if (subscription.isOver) return;
        throw error;
      }
      subscription.fail([this.#renderer.shown(error, subscription.connection.context)]);
    }
  }

  #refuse(subscription: Subscription, errors: readonly GraphQLError[], startedAtMs: number): void {
    this.metrics.answered(null, 'refused', startedAtMs);
    const requestId = subscription.connection.context?.client.requestId;
    subscription.fail(errors.map((error) => showError(error, this.logger, requestId)));
  }

  /** What is to run, or the errors of the message; a message that no proper client sends closes the socket. */
  #prepare(subscription: Subscription, payload: SubscribePayload, messageBytes: number): PreparedSubscription {
    const { connection } = subscription;
    const { context } = connection;
    if (connection.closed || !context) return CLOSED;
    const fault = variablesFault(payload.variables);
    if (fault) return [fault];
    const viewer = context.viewer?.id ?? '';
    const operation = this.operations.cache.prepare(payload.query, payload.operationName, viewer);
    if (operation === 'too-many-documents') return closed(connection, 'Too many new documents');
    if (!(operation instanceof ExecutableOperation)) return operation;
    const variant = operation.variant(payload.variables);
    if (variant.selectsNothing)
      return [refused('query', 'The operation selects no field: @skip or @include leaves none.')];
    const keptBytes = messageBytes + measurePayload(variant.given).memoryBytes;
    const hold = this.operations.cache.live.hold(operation, viewer, keptBytes);
    if (hold === 'node-full') return [full()];
    if (hold === 'viewer-full') return closed(connection, 'Subscriptions hold too much memory');
    subscription.holds(hold);
    // Clients write an absent value as null, too.
    const resume = payload.extensions?.['resume'] ?? undefined;
    // Nest keeps what is request-scoped by the context's identity.
    return { operation, variant, context: { ...context }, resume };
  }

  /**
   * Calls the field's resolver, once. If it returns one of our topics, events go straight to the socket; the values of
   * any other async iterable are executed one by one.
   *
   * @returns how long it has waited for its turn, or the result if the resolver or the variables are refused
   */
  async #subscribe(
    subscription: Subscription,
    request: SubscriptionRequest,
  ): Promise<{ readonly fault?: ExecutionResult; readonly waitedMs?: number }> {
    const source = await request.operation.subscribe(request.context, request.variant);
    if (!(Symbol.asyncIterator in source)) return { fault: source };
    const renderer = this.#renderer;
    const { authenticator } = subscription.connection;
    if (source instanceof TopicStream) {
      const count = this.metrics.count(source.topic.definition.name, authenticator);
      return { waitedMs: await Delivery.begin(source, subscription, request, { renderer, count }) };
    }
    const values = source[Symbol.asyncIterator]();
    const count = this.metrics.count(null, authenticator);
    const executed = new ExecutedStream(values, subscription, request, renderer, count);
    subscription.sendsFrom(executed);
    void executed.run();
    return {};
  }
}

/** Closes the socket of a client that exceeds a limit. */
function closed(connection: Connection, reason: string): readonly GraphQLError[] {
  connection.close(CloseCode.PolicyViolation, reason);
  return CLOSED;
}
