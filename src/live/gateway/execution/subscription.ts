import { createSourceEventStream, execute, type ExecutionArgs, type ExecutionResult } from 'graphql';
import { TopicStream } from '../../topics/topic-stream.js';
import type { GraphqlContext } from '../../viewer/graphql-context.js';
import { Delivery, type DeliveryRequest } from './delivery.js';
import type { Hold } from './live-operations.js';
import type { Renderer } from './rendering.js';
import { never } from './reservation.js';
import type { SubscriptionCount, SubscriptionMetrics } from './subscription.metrics.js';

/** What subscriptions share. */
export interface SubscriptionParts {
  readonly renderer: Renderer;
  readonly metrics: SubscriptionMetrics;
}

/** A prepared Subscribe message: graphql-ws passes it from `onSubscribe` to {@link subscribe}. */
export interface SubscriptionRequest extends ExecutionArgs, DeliveryRequest {
  readonly contextValue: GraphqlContext;
  readonly variableValues: Record<string, unknown> | null;
  /** The length of the Subscribe message. */
  readonly messageBytes: number;
}

/**
 * Runs the subscription's resolver once. If it returns one of our topics, events bypass graphql-ws; any other async
 * iterable is executed event by event, at the pace of the socket.
 *
 * Returns an execution result if the resolver or the variables are refused; throws unexpected errors.
 *
 * @param hold released when the subscription ends, also if it never starts
 */
export async function subscribe(
  request: SubscriptionRequest,
  parts: SubscriptionParts,
  hold: Hold,
): Promise<AsyncGenerator<ExecutionResult, void, undefined> | ExecutionResult> {
  let begins = false;
  try {
    const started = await start(request, parts, hold);
    begins = Symbol.asyncIterator in started;
    return started;
  } finally {
    if (!begins) hold.release();
  }
}

async function start(
  request: SubscriptionRequest,
  { renderer, metrics }: SubscriptionParts,
  hold: Hold,
): Promise<AsyncGenerator<ExecutionResult, void, undefined> | ExecutionResult> {
  const source = await createSourceEventStream(request);
  if (!(Symbol.asyncIterator in source)) return source;
  const { authenticator } = request.connection;
  if (!(source instanceof TopicStream)) {
    const values = source[Symbol.asyncIterator]();
    return new ExecutedSource(values, request, renderer, counted(hold, metrics.count(null, authenticator)));
  }
  const count = metrics.count(source.topic.definition.name, authenticator);
  return Delivery.begin(source, request, { renderer, count }, hold);
}

/** A hold whose subscription counts as open until it is released. */
function counted(hold: Hold, count: SubscriptionCount): Hold {
  let isOpen = true;
  count.open++;
  return {
    release: () => {
      if (isOpen) count.open--;
      isOpen = false;
      hold.release();
    },
  };
}

/**
 * The results of a source that is not one of our topics. Not an async generator: its `return()` would wait for the source's
 * next value before ending the source. After `return()`, what graphql-ws awaits never settles: see reservation.ts.
 */
class ExecutedSource implements AsyncGenerator<ExecutionResult, void, undefined> {
  #isOver = false;

  constructor(
    private readonly values: AsyncIterator<unknown>,
    private readonly request: SubscriptionRequest,
    private readonly renderer: Renderer,
    private readonly hold: Hold,
  ) {}

  async next(): Promise<IteratorResult<ExecutionResult, void>> {
    try {
      const result = await this.#next();
      return this.#isOver ? await never() : result;
    } catch (error) {
      if (this.#isOver) return never();
      // graphql-ws does not call `return()` after a failure.
      this.hold.release();
      throw error;
    }
  }

  async return(): Promise<IteratorResult<ExecutionResult, void>> {
    this.#isOver = true;
    this.hold.release();
    try {
      await this.values.return?.();
    } catch (error) {
      // Thrown on, this would close the socket of a client that has left the subscription, or end the process.
      this.renderer.failedUnseen(error, this.request.contextValue);
    }
    return { done: true, value: undefined };
  }

  throw(): Promise<IteratorResult<ExecutionResult, void>> {
    return this.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async #next(): Promise<IteratorResult<ExecutionResult, void>> {
    const { connection } = this.request;
    // A slow reader slows down the source.
    while (connection.isFull) await connection.drained();
    const step = await this.values.next();
    if (!step.done) return { done: false, value: await execute({ ...this.request, rootValue: step.value }) };
    this.hold.release();
    return { done: true, value: undefined };
  }
}
