import { createSourceEventStream, execute, type ExecutionArgs, type ExecutionResult } from 'graphql';
import { TopicStream } from '../../topics/topic-stream.js';
import type { GraphqlContext } from '../../viewer/graphql-context.js';
import { Delivery, type DeliveryRequest } from './delivery.js';
import type { Hold } from './live-operations.js';
import type { Renderer } from './rendering.js';
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
  if (!(source instanceof TopicStream))
    return executeEach(source, request, counted(hold, metrics.count(null, authenticator)));
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

/** Not an async generator: its `return()` would wait for the source's next value before ending the source. */
function executeEach(
  source: AsyncIterable<unknown>,
  request: SubscriptionRequest,
  hold: Hold,
): AsyncGenerator<ExecutionResult, void, undefined> {
  const values = source[Symbol.asyncIterator]();
  const next = async (): Promise<IteratorResult<unknown, unknown>> => {
    try {
      return await values.next();
    } catch (error) {
      // graphql-ws does not call `return()` after a failure.
      hold.release();
      throw error;
    }
  };
  const results: AsyncGenerator<ExecutionResult, void, undefined> = {
    async next() {
      const step = await next();
      if (step.done) {
        hold.release();
        return { done: true, value: undefined };
      }
      return { done: false, value: await execute({ ...request, rootValue: step.value }) };
    },
    async return() {
      hold.release();
      await values.return?.();
      return { done: true, value: undefined };
    },
    async throw() {
      return results.return();
    },
    [Symbol.asyncIterator]: () => results,
  };
  return results;
}
