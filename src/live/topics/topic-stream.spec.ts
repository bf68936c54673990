import { instanceToPlain } from 'class-transformer';
import { afterEach, expect, it } from 'vitest';
import { pino } from 'pino';
import { DeliveryGate } from './delivery-gate.js';
import { MemoryTopicBus } from '../store/memory/topic.bus.memory.js';
import { TopicStream } from './topic-stream.js';
import { type TopicDefinition, topicOf } from './topic.js';

const definition: TopicDefinition = {
  name: 'notifications',
  field: 'notifications',
  historySize: 100,
  historySeconds: 300,
  onSubscribe: 'nothing',
  slowReader: 'close',
};
const topic = topicOf(definition, 'user:00000000-0000-4000-8000-000000000001');
const bus = new MemoryTopicBus(new DeliveryGate(null, pino({ level: 'silent' })));

afterEach(() => bus.beforeApplicationShutdown());

it('yields root values in the order of publishing', async () => {
  const events = new TopicStream(bus, topic)[Symbol.asyncIterator]();
  const first = events.next();
  await bus.publish([
    { topic, payload: 1 },
    { topic, payload: 2 },
  ]);
  expect([await first, await events.next()]).toEqual([
    { done: false, value: { notifications: 1 } },
    { done: false, value: { notifications: 2 } },
  ]);
  await events.return?.();
});

it('answers several calls of next in their order, and all of them when it is returned', async () => {
  const events = new TopicStream(bus, topic)[Symbol.asyncIterator]();
  const [first, second, third] = [events.next(), events.next(), events.next()];
  await bus.publish([{ topic, payload: 1 }]);
  expect(await first).toEqual({ done: false, value: { notifications: 1 } });
  await bus.publish([{ topic, payload: 2 }]);
  expect(await second).toEqual({ done: false, value: { notifications: 2 } });
  await events.return?.();
  expect(await third).toEqual({ done: true, value: undefined });
});

it('ends at once when it is returned while it waits for an event', async () => {
  const events = new TopicStream(bus, topic)[Symbol.asyncIterator]();
  const waiting = events.next();
  expect(await events.return?.()).toEqual({ done: true, value: undefined });
  expect(await waiting).toEqual({ done: true, value: undefined });
  expect(await events.next()).toEqual({ done: true, value: undefined });
});

it('does not subscribe when it is returned before the first next', async () => {
  const events = new TopicStream(bus, topic)[Symbol.asyncIterator]();
  await events.return?.();
  expect(await events.next()).toEqual({ done: true, value: undefined });
});

it('ends with an error when the reader of a topic that closes slow readers falls too far behind', async () => {
  const events = new TopicStream(bus, topic)[Symbol.asyncIterator]();
  const first = events.next();
  await bus.publish(Array.from({ length: 300 }, (_, payload) => ({ topic, payload })));
  await expect(first).rejects.toThrow('too slow');
  expect(await events.next()).toEqual({ done: true, value: undefined });
});

it('keeps the newest events for a reader of a topic that keeps the latest', async () => {
  const latest = topicOf({ ...definition, slowReader: 'keep-latest' }, topic.owner);
  const events = new TopicStream(bus, latest)[Symbol.asyncIterator]();
  const first = events.next();
  await bus.publish(Array.from({ length: 300 }, (_, payload) => ({ topic: latest, payload })));
  await first;
  const values: unknown[] = [];
  for (let i = 0; i < 200; i++) {
    const next = await events.next();
    values.push(next.done ? undefined : next.value['notifications']);
  }
  // Of 300 events, numbered from 0, the newest 256 are kept.
  expect(values).toEqual(Array.from({ length: 200 }, (_, index) => 45 + index));
  await events.return?.();
});

it('shows a serializer its topic only', () => {
  expect(instanceToPlain(new TopicStream(bus, topic))).toEqual({ topic });
});
