import { buildSchema, getOperationAST, parse } from 'graphql';
import { expect, it, vi } from 'vitest';
import { subscriptionMetrics } from '../../../../test/kit/subscription-metrics.js';
import type { GraphqlContext } from '../../viewer/graphql-context.js';
import type { Connection } from '../connection/connection.js';
import { ExecutableOperation } from './executable-operation.js';
import { Renderer } from './rendering.js';
import { never, Reservation } from './reservation.js';
import { subscribe } from './subscription.js';

/** Subscribes to a field whose resolver returns an async iterable of its own: `open` counts it while it lasts. */
async function subscribing(source: AsyncIterable<unknown>, metrics = subscriptionMetrics()) {
  const schema = buildSchema('type Query { a: Int } type Subscription { number: Int }');
  schema.getSubscriptionType()!.getFields()['number']!.subscribe = () => source;
  const document = parse('subscription { number }');
  const operation = new ExecutableOperation(schema, document, getOperationAST(document)!, undefined);
  const request = {
    schema,
    document,
    contextValue: {} as GraphqlContext,
    variableValues: null,
    connection: { authenticator: 'test' } as Connection,
    operation,
    operationId: '1',
    variant: operation.variant(undefined),
    resume: undefined,
    messageBytes: 0,
    reservation: new Reservation(),
  };
  const release = vi.fn<() => void>();
  const shown: unknown[] = [];
  const renderer = new Renderer((error) => {
    shown.push(error.originalError);
    return error.toJSON();
  });
  const results = await subscribe(request, { renderer, metrics }, { release });
  if (!(Symbol.asyncIterator in results)) throw new Error('It has not begun.');
  return { results, release, shown, open: () => metrics.count(null, 'test').open };
}

async function* numbers(end: () => void): AsyncGenerator<{ number: number }, void, undefined> {
  yield { number: 1 };
  end();
}

function fail(): never {
  throw new Error('The source has failed.');
}

it('a source that is no feed counts as open until its end', async () => {
  const { results, release, open } = await subscribing(numbers(() => {}));
  expect(await results.next()).toMatchObject({ done: false, value: { data: { number: 1 } } });
  expect([open(), release.mock.calls.length]).toEqual([1, 0]);
  expect(await results.next()).toMatchObject({ done: true });
  expect(open()).toBe(0);
  expect(release).toHaveBeenCalled();
});

it('a source that fails ends with its error, and is no longer counted as open or held', async () => {
  const { results, release, open } = await subscribing(numbers(fail));
  await results.next();
  expect([open(), release.mock.calls.length]).toEqual([1, 0]);
  await expect(results.next()).rejects.toThrow('The source has failed.');
  expect(open()).toBe(0);
  expect(release).toHaveBeenCalled();
});

it('a source that has failed and is returned as well is counted down once', async () => {
  const { results, open } = await subscribing(numbers(fail));
  await results.next();
  await expect(results.next()).rejects.toThrow('The source has failed.');
  await results.return();
  expect(open()).toBe(0);
});

it('a source that fails at once is no longer counted as open', async () => {
  const { results, open } = await subscribing({ [Symbol.asyncIterator]: () => ({ next: () => fail() }) });
  await expect(results.next()).rejects.toThrow('The source has failed.');
  expect(open()).toBe(0);
});

it('a source that cannot be iterated is not counted as open', async () => {
  const metrics = subscriptionMetrics();
  await expect(subscribing({ [Symbol.asyncIterator]: fail }, metrics)).rejects.toThrow('The source has failed.');
  expect(metrics.count(null, 'test').open).toBe(0);
});

it('a source that fails when its client leaves is logged, and nobody hears of it', async () => {
  const failure = new Error('The source cannot end.');
  const source = { [Symbol.asyncIterator]: () => ({ next: never, return: () => Promise.reject(failure) }) };
  const { results, shown, release } = await subscribing(source);
  expect(await results.return()).toEqual({ done: true, value: undefined });
  expect(shown).toEqual([failure]);
  expect(release).toHaveBeenCalledOnce();
});

it.each([
  ['a value', (): unknown => ({ done: false, value: { number: 1 } })],
  ['its end', (): unknown => ({ done: true, value: undefined })],
  ['a failure', fail],
])('graphql-ws does not hear of %s of a source whose client has left', async (_, answer) => {
  let arrive = (): void => {};
  const arrival = new Promise<void>((resolve) => (arrive = resolve)).then(answer);
  const source = { [Symbol.asyncIterator]: () => ({ next: () => arrival as Promise<IteratorResult<unknown>> }) };
  const { results } = await subscribing(source);
  const settled = vi.fn<() => void>();
  void results.next().then(settled, settled);
  await results.return();
  arrive();
  await new Promise((resolve) => setImmediate(resolve));
  expect(settled).not.toHaveBeenCalled();
});
