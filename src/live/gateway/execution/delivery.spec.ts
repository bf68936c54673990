import { buildSchema, getOperationAST, parse } from 'graphql';
import { describe, expect, it } from 'vitest';
import { TopicEvent } from '../../topics/topic-event.js';
import type { TopicDefinition } from '../../topics/topic.js';
import type { GraphqlContext } from '../../viewer/graphql-context.js';
import type { Connection } from '../connection/connection.js';
import { Delivery } from './delivery.js';
import { ExecutableOperation } from './executable-operation.js';
import { Renderer } from './rendering.js';

const LATEST: TopicDefinition = {
  name: 'numbers',
  field: 'number',
  historySize: 1,
  historySeconds: 60,
  onSubscribe: 'nothing',
  slowReader: 'keep-latest',
};

/** What delivery sees of a socket: how much is queued on it, and what was pushed. */
class RecordingConnection {
  resumable = false;
  sendsPositions = false;
  closed = false;
  backlogBytes = 0;
  get isFull(): boolean {
    return this.backlogBytes >= 65_536;
  }
  readonly pushed: unknown[] = [];
  #release: () => void = () => {};

  push(text: string): void {
    const { payload } = JSON.parse(text) as { payload: { data: { number: number } } };
    this.pushed.push(payload.data.number);
  }

  drained(): Promise<void> {
    return this.backlogBytes === 0 ? Promise.resolve() : new Promise((resolve) => (this.#release = resolve));
  }

  drain(): void {
    this.backlogBytes = 0;
    this.#release();
  }
}

function delivering(resolve?: (value: number) => Promise<number>): { delivery: Delivery; socket: RecordingConnection } {
  const schema = buildSchema('type Query { a: Int } type Subscription { number: Int }');
  const field = schema.getSubscriptionType()!.getFields()['number']!;
  if (resolve) field.resolve = (root: { number: number }) => resolve(root.number);
  const document = parse('subscription { number }');
  const operation = new ExecutableOperation(schema, document, getOperationAST(document)!, undefined);
  const socket = new RecordingConnection();
  const request = {
    connection: socket as unknown as Connection,
    contextValue: {} as GraphqlContext,
    operationId: '1',
    operation,
    variant: operation.variant(undefined),
    resume: undefined,
  };
  const renderer = new Renderer((error) => error.toJSON());
  const count = { feed: LATEST.name, authenticator: 'test', open: 0, recovered: 0, notRecovered: 0, failed: 0 };
  const delivery = new Delivery(LATEST, request, { renderer, count }, { release: () => {} });
  return { delivery, socket };
}

const event = (value: number): TopicEvent => new TopicEvent('epoch', value, value);
const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

describe('a keep-latest feed', () => {
  it('holds back all but the newest event while the socket is full, and never sends an older one after it', async () => {
    const { delivery, socket } = delivering();
    delivery.event(event(1));
    socket.backlogBytes = 1_000_000;
    delivery.event(event(2));
    delivery.event(event(3));
    // Some of the queue is gone, the rest is not: 4 may not overtake what is held.
    socket.backlogBytes = 10;
    delivery.event(event(4));
    expect(socket.pushed).toEqual([1]);
    socket.drain();
    await turn();
    expect(socket.pushed).toEqual([1, 4]);
  });

  it('keeps order with a slow resolver, and ends when too many events wait', async () => {
    const { delivery, socket } = delivering(async (value) => {
      await turn();
      return value;
    });
    for (let value = 1; value <= 1000; value++) delivery.event(event(value));
    while (socket.pushed.at(-1) !== 1000) await turn();
    expect(socket.pushed).toEqual([...socket.pushed].sort((one, other) => Number(one) - Number(other)));
    expect(socket.pushed.length).toBeLessThanOrEqual(257);
  });

  it('sends nothing after it has ended', async () => {
    const { delivery, socket } = delivering();
    socket.backlogBytes = 1_000_000;
    delivery.event(event(1));
    await delivery.return();
    socket.drain();
    await turn();
    delivery.event(event(2));
    expect(socket.pushed).toEqual([]);
  });
});
