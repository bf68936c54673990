import { buildSchema, GraphQLError, GraphQLScalarType } from 'graphql';
import type { Logger } from 'pino';
import { expect, it, vi } from 'vitest';
import { subscriptionMetrics } from '../../../../test/kit/subscription-metrics.js';
import { UnavailableError } from '../../errors/sallyport.errors.js';
import type { Connection, RunningSubscription } from '../connection/connection.js';
import { DocumentBudget } from './document-budget.js';
import { OperationCache } from './operation-cache.js';
import type { ServedOperations } from './served-operations.js';
import { Subscription } from './subscription.js';
import { SubscriptionStarter } from './subscription-starter.js';

/** What a subscription sees of its socket: its messages, and whether its id is in use. */
class RecordingConnection {
  readonly context = { viewer: { id: 'user:1' }, client: { requestId: '1' } };
  readonly authenticator = 'test';
  readonly closed = false;
  readonly isFull = false;
  readonly messages: unknown[] = [];
  running: RunningSubscription | null = null;

  push(text: string): void {
    this.messages.push(JSON.parse(text));
  }

  subscribed(subscription: RunningSubscription): void {
    this.running = subscription;
  }

  unsubscribed(): void {
    this.running = null;
  }
}

/** Subscribes to a field whose resolver returns an async iterable of its own. */
function subscribing(source: () => unknown) {
  const schema = buildSchema('scalar Any type Query { a: Int } type Subscription { value: Any }');
  const resolver = vi.fn<() => unknown>(source);
  schema.getSubscriptionType()!.getFields()['value']!.subscribe = resolver;
  (schema.getType('Any') as GraphQLScalarType).serialize = (value) => value;
  const causes: unknown[] = [];
  const metrics = subscriptionMetrics();
  const operations = { cache: new OperationCache(schema, false, new DocumentBudget()) } as ServedOperations;
  const logger = { error: ({ err }: { err: unknown }) => causes.push(err) } as unknown as Logger;
  const starter = new SubscriptionStarter(operations, metrics, logger);
  const connection = new RecordingConnection();
  const subscription = new Subscription(connection as unknown as Connection, '1');
  const started = starter.start(subscription, { query: 'subscription { value }' }, 0);
  return { subscription, started, connection, resolver, causes, open: () => metrics.count(null, 'test').open };
}

/** A source stream, whose values the test answers one by one. */
function stepwise(end?: () => Promise<never>) {
  const steps: { resolve(step: unknown): void; reject(error: unknown): void }[] = [];
  const ended = vi.fn<() => Promise<never>>(end);
  const values = {
    next: () => new Promise<unknown>((resolve, reject) => steps.push({ resolve, reject })),
    return: ended,
  };
  return { iterable: { [Symbol.asyncIterator]: () => values }, steps, ended };
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
const value = (of: unknown) => ({ done: false, value: { value: of } });
const next = (of: unknown) => ({ id: '1', type: 'next', payload: { data: { value: of } } });
const failed = { id: '1', type: 'error', payload: [{ extensions: { code: 'INTERNAL_SERVER_ERROR' } }] };

function fail(): never {
  throw new Error('The source has failed.');
}

it('a source stream that is no feed counts as open until its end, and its id is free afterwards', async () => {
  const { iterable, steps, ended } = stepwise();
  const { started, connection, open } = subscribing(() => iterable);
  await started;
  steps[0]!.resolve(value(1));
  await turn();
  expect([connection.messages, open(), connection.running === null]).toEqual([[next(1)], 1, false]);
  steps[1]!.resolve({ done: true, value: undefined });
  await turn();
  expect([connection.messages, open(), connection.running]).toEqual([
    [next(1), { id: '1', type: 'complete' }],
    0,
    null,
  ]);
  expect(ended).not.toHaveBeenCalled();
});

it('a source stream that fails ends with its error, and no longer counts as open', async () => {
  const { iterable, steps, ended } = stepwise();
  const { started, connection, causes, open } = subscribing(() => iterable);
  await started;
  const failure = new Error('The source has failed.');
  steps[0]!.reject(failure);
  await turn();
  expect(connection.messages).toMatchObject([failed]);
  expect([causes, open(), connection.running]).toEqual([[failure], 0, null]);
  expect(ended).not.toHaveBeenCalled();
});

it('a GraphQLError that a source stream throws is masked and logged, unless it has a code for clients', async () => {
  const { iterable, steps } = stepwise();
  const { started, connection, causes } = subscribing(() => iterable);
  await started;
  const failure = new GraphQLError('hunter2 is the password of the upstream.');
  steps[0]!.reject(failure);
  await turn();
  expect(connection.messages).toMatchObject([failed]);
  expect([JSON.stringify(connection.messages).includes('hunter2'), causes]).toEqual([false, [failure]]);

  const other = stepwise();
  const meant = subscribing(() => other.iterable);
  await meant.started;
  other.steps[0]!.reject(new GraphQLError('Sold out.', { extensions: { code: 'SOLD_OUT' } }));
  await turn();
  expect([meant.connection.messages, meant.causes]).toEqual([
    [{ id: '1', type: 'error', payload: [{ message: 'Sold out.', extensions: { code: 'SOLD_OUT' } }] }],
    [],
  ]);
});

it('an unexpected error of a start whose client has left meanwhile is logged', async () => {
  const { iterable } = stepwise();
  const failure = new TypeError('The iterator is broken.');
  let answer: (source: unknown) => void = () => {};
  const { subscription, started, connection, causes } = subscribing(() => new Promise((resolve) => (answer = resolve)));
  await turn();
  subscription.end();
  answer({
    ...iterable,
    [Symbol.asyncIterator]: () => {
      throw failure;
    },
  });
  await started;
  expect([connection.messages, causes]).toEqual([[], [failure]]);
});

it.each([
  ['fails at once', { [Symbol.asyncIterator]: () => ({ next: fail }) }],
  ['cannot be iterated', { [Symbol.asyncIterator]: fail }],
])('a source stream that %s does not count as open', async (_, source) => {
  const { started, connection, open } = subscribing(() => source);
  await started;
  await turn();
  expect(connection.messages).toMatchObject([failed]);
  expect([open(), connection.running]).toEqual([0, null]);
});

it.each([undefined, null, 'text', Object.create(null)])(
  'a source stream may throw %j, which is no Error',
  async (thrown) => {
    const { iterable, steps } = stepwise();
    const { started, connection } = subscribing(() => iterable);
    await started;
    steps[0]!.reject(thrown);
    await turn();
    expect(connection.messages).toMatchObject([failed]);
  },
);

it('a source stream whose value has no JSON is ended, with an error', async () => {
  const { iterable, steps, ended } = stepwise();
  const { started, connection, open } = subscribing(() => iterable);
  await started;
  steps[0]!.resolve(value(1n));
  await turn();
  expect(connection.messages).toMatchObject([failed]);
  expect(open()).toBe(0);
  expect(ended).toHaveBeenCalledOnce();
});

it('a source stream that fails when its client leaves is logged, and the client does not hear of it', async () => {
  const failure = new Error('The source cannot end.');
  const { iterable } = stepwise(() => Promise.reject(failure));
  const { subscription, started, connection, causes, open } = subscribing(() => iterable);
  await started;
  subscription.end();
  await turn();
  expect([connection.messages, causes, open()]).toEqual([[], [failure], 0]);
});

it.each<[what: string, answer: (step: ReturnType<typeof stepwise>['steps'][number]) => void]>([
  ['a value', (step) => step.resolve(value(1))],
  ['the end', (step) => step.resolve({ done: true, value: undefined })],
  ['a failure', (step) => step.reject(new Error('The source has failed.'))],
])('a client that has left does not hear of %s of its source stream', async (_, answer) => {
  const { iterable, steps, ended } = stepwise();
  const { subscription, started, connection, causes } = subscribing(() => iterable);
  await started;
  subscription.end();
  answer(steps[0]!);
  await turn();
  expect([connection.messages, causes]).toEqual([[], []]);
  expect([steps.length, ended.mock.calls.length]).toEqual([1, 1]);
});

it('a Complete of the same read is handled first: the resolver is not called', async () => {
  const { subscription, started, connection, resolver } = subscribing(() => stepwise().iterable);
  subscription.end();
  await started;
  expect([connection.messages, resolver.mock.calls.length]).toEqual([[], 0]);
});

it('a source stream that the resolver returns after the client has left is ended, and not read', async () => {
  const { iterable, steps, ended } = stepwise();
  let answer: (source: unknown) => void = () => {};
  const { subscription, started, open } = subscribing(() => new Promise((resolve) => (answer = resolve)));
  await turn();
  subscription.end();
  answer(iterable);
  await started;
  expect([steps.length, ended.mock.calls.length, open()]).toEqual([0, 1, 0]);
});

it('a resolver’s error is a result, and the subscription is complete', async () => {
  const { started, connection } = subscribing(() => {
    throw new UnavailableError('Try again later.');
  });
  await started;
  expect(connection.messages).toMatchObject([
    { type: 'next', payload: { errors: [{ message: 'Try again later.' }] } },
    { type: 'complete' },
  ]);
});
