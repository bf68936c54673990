import {
  createSourceEventStream,
  execute,
  type ExecutionResult,
  GraphQLError,
  type GraphQLSchema,
  parse,
  specifiedRules,
  SingleFieldSubscriptionsRule,
  validate,
} from 'graphql';
import pino from 'pino';
import { maskError } from '../../src/live/errors/mask-error.js';
import type { Connection } from '../../src/live/gateway/connection/connection.js';
import { Delivery } from '../../src/live/gateway/execution/delivery.js';
import type { DocumentBudget } from '../../src/live/gateway/execution/document-budget.js';
import { ExecutableOperation } from '../../src/live/gateway/execution/executable-operation.js';
import { OperationCache } from '../../src/live/gateway/execution/operation-cache.js';
import { Renderer } from '../../src/live/gateway/execution/rendering.js';
import { Subscription, type SubscriptionRequest } from '../../src/live/gateway/execution/subscription.js';
import { TopicEvent } from '../../src/live/topics/topic-event.js';
import { TopicStream } from '../../src/live/topics/topic-stream.js';
import type { GraphqlContext } from '../../src/live/viewer/graphql-context.js';
import { Inbox } from '../../src/testing/inbox.js';
import { subscriptionMetrics } from '../kit/subscription-metrics.js';
import type { RandomDocument } from './random-document.js';

/** How far a document got. */
export type Outcome = 'refused' | 'refused at start' | 'delivered';

const SUBSCRIBERS = 2;
const NOTHING_SELECTED = 'selects no field';
/** The rules of graphql-js, except one that is wrong about root fields with a condition on a variable. */
const RULES = specifiedRules.filter((rule) => rule !== SingleFieldSubscriptionsRule);
const NOT_JSON = new GraphQLError('Not executed', { originalError: new Error('no JSON') });

/** Runs documents with our executor and with graphql-js, and compares what clients receive, byte by byte. */
export class TwoExecutors {
  readonly #operations: OperationCache;
  readonly #parts = {
    renderer: new Renderer(pino({ level: 'silent' })),
    count: subscriptionMetrics().count(null, 'test'),
  };

  constructor(
    private readonly schema: GraphQLSchema,
    private readonly context: GraphqlContext,
  ) {
    const unbounded = { spend: (_: unknown, work: () => unknown) => ({ done: true, value: work() }) };
    this.#operations = new OperationCache(schema, false, unbounded as unknown as DocumentBudget);
  }

  /**
   * Subscribes with both and sends each payload to both. Throws when the results differ.
   *
   * @param payloads the values of the document's field, one per event
   */
  async compare({ query, variables, field }: RandomDocument, payloads: readonly unknown[]): Promise<Outcome> {
    const document = parse(query);
    const faults = validate(this.schema, document, RULES);
    const operation = this.#operations.prepare(query, null, '');
    if (operation === 'too-many-documents') throw new Error('over the budget');
    if (!(operation instanceof ExecutableOperation)) {
      if (faults.length === 0 && !operation.every(({ message }) => /at most|must select only one/.test(message)))
        throw new Error(`refused without need: ${operation.map(({ message }) => message).join()}`);
      return 'refused';
    }
    if (faults.length > 0) throw new Error(`not refused: ${faults[0]!.message}`);
    const args = { schema: this.schema, document, contextValue: this.context, variableValues: variables ?? null };
    const source = await createSourceEventStream(args).catch((error: unknown) => nothingSelected(error));
    const variant = operation.variant(variables);
    if (variant.selectsNothing) {
      if (!isNothing(source)) throw new Error('something was selected');
      return 'refused at start';
    }
    const request: SubscriptionRequest = { operation, variant, context: this.context, resume: undefined };
    const topics = await Promise.all(
      Array.from({ length: SUBSCRIBERS }, () => operation.subscribe(this.context, variant)),
    );
    if (!(Symbol.asyncIterator in source)) {
      for (const fault of topics) same(this.#json(fault as ExecutionResult), this.#json(source));
      return 'refused at start';
    }
    const subscribers = topics.map((topic) => this.#deliver(topic as TopicStream, request));
    for (const [index, payload] of payloads.entries()) {
      const result = await execute({ ...args, rootValue: { [field]: payload } });
      const event = new TopicEvent('epoch', index, payload);
      for (const { delivery } of subscribers) delivery.event(event);
      for (const { texts } of subscribers) {
        same(await texts.take(), `{"id":"1","type":"next","payload":${this.#json(result)}}`);
      }
    }
    for (const { delivery } of subscribers) delivery.end();
    return 'delivered';
  }

  #deliver(stream: TopicStream, request: SubscriptionRequest): { texts: Inbox<string>; delivery: Delivery } {
    const texts = new Inbox<string>();
    const connection = {
      closed: false,
      backlogBytes: 0,
      resumable: false,
      push: (text: string) => texts.put(Buffer.from(text, 'latin1').toString()),
      subscribed: () => {},
    };
    const subscription = new Subscription(connection as unknown as Connection, '1');
    return { texts, delivery: new Delivery(stream.topic.definition, subscription, request, this.#parts) };
  }

  #json({ errors, data }: ExecutionResult): string {
    const shown = (faults: readonly GraphQLError[]) => faults.map((error) => maskError(error).shown);
    try {
      return JSON.stringify({ ...(errors ? { errors: shown(errors) } : {}), data });
    } catch {
      return JSON.stringify({ errors: shown([NOT_JSON]), data: null });
    }
  }
}

/** graphql-js throws a TypeError when nothing is selected; we return an error to the client. */
function nothingSelected(error: unknown): ExecutionResult {
  if (error instanceof TypeError) return { errors: [new GraphQLError(NOTHING_SELECTED)] };
  throw error;
}

function isNothing(source: object): boolean {
  return 'errors' in source && (source as ExecutionResult).errors?.[0]?.message === NOTHING_SELECTED;
}

function same(actual: string, expected: string): void {
  if (actual !== expected) throw new Error(`ours:       ${actual}\ngraphql-js: ${expected}`);
}
