import pino from 'pino';
import { buildSchema, getOperationAST, parse } from 'graphql';
import { describe, expect, it, vi } from 'vitest';
import { TopicEvent } from '../../topics/topic-event.js';
import { type TopicDefinition, topicOf } from '../../topics/topic.js';
import type { TopicBus, TopicSink, TopicSubscription } from '../../topics/topic.bus.js';
import { TopicStream } from '../../topics/topic-stream.js';
import type { GraphqlContext } from '../../viewer/graphql-context.js';
import type { Connection } from '../connection/connection.js';
import { Delivery } from './delivery.js';
import { ExecutableOperation } from './executable-operation.js';
import { Renderer } from './rendering.js';
import { Subscription, type SubscriptionRequest } from './subscription.js';

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
  subscribed(): void {}
  unsubscribed(): void {}
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

const parts = () => ({
  renderer: new Renderer(pino({ level: 'silent' })),
  count: { feed: LATEST.name, authenticator: 'test', open: 0, recovered: 0, notRecovered: 0, failed: 0 },
});

function requested(resolve?: (value: number) => Promise<number>): {
  subscription: Subscription;
  request: SubscriptionRequest;
  socket: RecordingConnection;
} {
  const schema = buildSchema('type Query { a: Int } type Subscription { number: Int }');
  const field = schema.getSubscriptionType()!.getFields()['number']!;
  if (resolve) field.resolve = (root: { number: number }) => resolve(root.number);
  const document = parse('subscription { number }');
  const operation = new ExecutableOperation(schema, document, getOperationAST(document)!, undefined);
  const socket = new RecordingConnection();
  const request = {
    operation,
    variant: operation.variant(undefined),
    context: {} as GraphqlContext,
    resume: undefined,
  };
  return { subscription: new Subscription(socket as unknown as Connection, '1'), request, socket };
}

function delivering(resolve?: (value: number) => Promise<number>): { delivery: Delivery; socket: RecordingConnection } {
  const { subscription, request, socket } = requested(resolve);
  return { delivery: new Delivery(LATEST, subscription, request, parts()), socket };
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

  it('keeps order with a slow resolver, and skips to the newest event when more than 256 wait', async () => {
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
    delivery.end();
    socket.drain();
    await turn();
    delivery.event(event(2));
    expect(socket.pushed).toEqual([]);
  });
});

/** Begins a delivery at a store that takes its time: `join` is its answer, with one event. */
function beginning() {
  const { subscription, request, socket } = requested();
  const end = vi.fn<() => void>();
  let join = (): void => {};
  const subscribe = (_: unknown, sink: TopicSink) =>
    new Promise<TopicSubscription>((resolve) => {
      join = () => {
        sink.confirmed(undefined, { epoch: 'epoch', offset: 1 });
        sink.event(event(1));
        resolve({ end });
      };
    });
  const stream = new TopicStream({ subscribe } as unknown as TopicBus, topicOf(LATEST, 'user:1'));
  const shared = parts();
  const begun = Delivery.begin(stream, subscription, request, shared);
  return { subscription, socket, end, begun, open: () => shared.count.open, join: () => join() };
}

it('a subscription that starts sends the events of its history', async () => {
  const { socket, begun, open, join } = beginning();
  join();
  await begun;
  expect([socket.pushed, open()]).toEqual([[1], 1]);
});

it('a subscription that is over before the store has answered sends nothing, and leaves the topic', async () => {
  const { subscription, socket, end, begun, open, join } = beginning();
  subscription.end();
  join();
  await begun;
  expect([socket.pushed, open()]).toEqual([[], 0]);
  expect(end).toHaveBeenCalled();
});

it('events that are lost after a subscription is over do not close its socket', () => {
  const { delivery } = delivering();
  delivery.end();
  // It would close with a method that the recording socket does not have.
  expect(() => delivery.ended()).not.toThrow();
});

it('a subscription that is over runs no resolver for the events that waited', async () => {
  const resolved: number[] = [];
  let first: () => void = () => {};
  const { delivery } = delivering(async (value) => {
    resolved.push(value);
    if (value === 1) await new Promise<void>((resolve) => (first = resolve));
    return value;
  });
  for (const value of [1, 2, 3]) delivery.event(event(value));
  await turn();
  delivery.end();
  first();
  await turn();
  expect(new Set(resolved)).toEqual(new Set([1]));
});

it('a subscription that is over before it has begun sends nothing', async () => {
  const { subscription, request, socket } = requested();
  subscription.end();
  const subscribe = async (_: unknown, sink: TopicSink) => {
    sink.event(event(1));
    return { end: () => {} };
  };
  const stream = new TopicStream({ subscribe } as unknown as TopicBus, topicOf(LATEST, 'user:1'));
  await Delivery.begin(stream, subscription, request, parts());
  expect(socket.pushed).toEqual([]);
});
