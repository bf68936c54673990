import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { RecordingSink } from '../../../../test/kit/recording-sink.js';
import { DeliveryGate } from '../../topics/delivery-gate.js';
import { MemoryTopicBus, type MemoryBounds } from './topic.bus.memory.js';
import { TopicMetrics } from '../../topics/topic.metrics.js';
import { type Topic, type TopicDefinition, topicOf } from '../../topics/topic.js';

const NEWS: TopicDefinition = {
  name: 'news',
  field: 'news',
  historySize: 5,
  historySeconds: 60,
  onSubscribe: 'history',
  slowReader: 'close',
};
const COUNT: TopicDefinition = {
  ...NEWS,
  name: 'count',
  historySize: 1,
  onSubscribe: 'last-event',
  slowReader: 'keep-latest',
};
const RECENT: TopicDefinition = { ...COUNT, name: 'recent', historySize: 5 };
const KIB = 1024;

let bus: MemoryTopicBus | undefined;
let registry: Registry;
afterEach(() => {
  vi.useRealTimers();
  bus?.beforeApplicationShutdown();
});

function open(bounds: Partial<MemoryBounds>): MemoryTopicBus {
  registry = new Registry();
  bus = new MemoryTopicBus(new DeliveryGate(null, pino({ level: 'silent' })), new TopicMetrics(registry), {
    historyBytes: 1024 * KIB,
    keys: { ofPublisher: 10, together: 20 },
    ...bounds,
  });
  return bus;
}

const newTopic = (definition = NEWS): Topic => topicOf(definition, `user:${randomUUID()}`);

/** Publishes an event that says of itself how large it is; its cursor. */
async function publish(topic: Topic, publisher: string, bytes = 10 * KIB, payload: unknown = 'x'): Promise<string> {
  const [outcome] = await bus!.publish([{ topic, payload, publisher, bytes }]);
  return outcome?.ok ? outcome.cursor : '';
}

async function resume(topic: Topic, cursor?: string): Promise<{ recovered: boolean | undefined; payloads: unknown[] }> {
  const sink = new RecordingSink();
  const subscription = await bus!.subscribe(topic, sink, cursor);
  subscription.end();
  return { recovered: sink.recovered, payloads: [...sink.payloads] };
}

async function metric(name: string): Promise<number> {
  const found = await registry.getSingleMetric(name)?.get();
  return found?.values[0]?.value ?? Number.NaN;
}

describe('the histories of a node', () => {
  it('histories drop the least recently published one, and say so to resuming subscribers', async () => {
    open({ historyBytes: 100 * KIB });
    const [first, second] = [newTopic(), newTopic()];
    const cursors = [await publish(first, 'a'), await publish(second, 'a')];
    await publish(first, 'a');
    await publish(second, 'a');
    await publish(first, 'a');
    for (let turn = 0; turn < 5; turn++) await publish(newTopic(), 'a');
    expect(await resume(second, cursors[1])).toEqual({ recovered: false, payloads: [] });
    expect(await resume(first, cursors[0])).toEqual({ recovered: true, payloads: ['x', 'x'] });
    expect(await metric('sallyport_history_dropped_total')).toBe(2);
    expect(await metric('sallyport_history_bytes')).toBeLessThanOrEqual(100 * KIB);
  });

  it('histories publish an event again that they have dropped, when it is sent again with its key', async () => {
    open({ historyBytes: 100 * KIB });
    const topic = newTopic();
    const send = async () => (await bus!.publish([{ topic, payload: 'x', key: 'k', publisher: 'a' }]))[0];
    const first = await send();
    expect(await send()).toEqual({ ...first, duplicate: true });
    for (let turn = 0; turn < 50; turn++) await publish(newTopic(), 'a');
    const again = await send();
    expect(again).toMatchObject({ ok: true, duplicate: false });
    expect(await send()).toEqual({ ...again, duplicate: true });
    expect(await resume(topic)).toMatchObject({ payloads: ['x'] });
  });

  it('histories drop events of the publisher that has the most', async () => {
    open({ historyBytes: 100 * KIB });
    const quiet = newTopic();
    const cursor = await publish(quiet, 'quiet');
    await publish(quiet, 'quiet');
    for (let turn = 0; turn < 50; turn++) await publish(newTopic(), 'flood');
    expect(await resume(quiet, cursor)).toEqual({ recovered: true, payloads: ['x'] });
    expect(await metric('sallyport_history_dropped_total')).toBeGreaterThan(40);
  });

  it('histories are counted per publisher, also within one topic', async () => {
    open({ historyBytes: 100 * KIB });
    const shared = newTopic();
    const [own, cursor] = [newTopic(), await publish(shared, 'quiet', 1)];
    const ownCursor = await publish(own, 'quiet');
    await publish(own, 'quiet');
    for (let turn = 0; turn < 3; turn++) await publish(shared, 'flood');
    for (let turn = 0; turn < 50; turn++) await publish(newTopic(), 'flood');
    expect(await resume(shared, cursor)).toMatchObject({ recovered: false });
    expect(await resume(own, ownCursor)).toMatchObject({ recovered: true });
  });

  it('histories drop the value of a keep-latest feed only when there is nothing else', async () => {
    open({ historyBytes: 100 * KIB });
    const [state, recent] = [newTopic(COUNT), newTopic(RECENT)];
    await publish(state, 'a', 10 * KIB, 'the state');
    for (const payload of [1, 2, 3]) await publish(recent, 'a', 10 * KIB, payload);
    for (let turn = 0; turn < 50; turn++) await publish(newTopic(), 'a');
    expect(await resume(state)).toMatchObject({ payloads: ['the state'] });
    expect(await resume(recent)).toMatchObject({ payloads: [3] });
    for (let turn = 0; turn < 50; turn++) await publish(newTopic(COUNT), 'a');
    expect(await resume(state)).toMatchObject({ payloads: [] });
  });

  it('histories measure payloads that the publisher has not measured', async () => {
    open({ historyBytes: 100 * KIB });
    const topic = newTopic();
    await bus!.publish([{ topic, payload: { text: 'x'.repeat(30 * KIB) } }]);
    expect(await metric('sallyport_history_bytes')).toBeGreaterThan(30 * KIB);
    await bus!.publish([{ topic, payload: Array.from({ length: 10 * KIB }, () => ({})) }]);
    expect(await metric('sallyport_history_bytes')).toBeLessThanOrEqual(100 * KIB);
    expect(await resume(topic)).toMatchObject({ payloads: [] });
  });

  it('histories never mislead a resuming subscriber, and count zero when all events have expired', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'setInterval', 'clearInterval'] });
    open({ historyBytes: 200 * KIB });
    const topics = [NEWS, COUNT, RECENT].flatMap((definition) =>
      Array.from({ length: 20 }, () => newTopic(definition)),
    );
    const published = new Map<Topic, { cursor: string; payload: number }[]>(topics.map((topic) => [topic, []]));
    for (let turn = 0; turn < 3000; turn++) {
      const topic = topics[Math.floor(Math.random() * topics.length)]!;
      const publisher = `${Math.floor(Math.random() * 4)}`;
      const cursor = await publish(topic, publisher, Math.floor(Math.random() * 20 * KIB), turn);
      published.get(topic)?.push({ cursor, payload: turn });
      if (turn % 100 === 0) vi.advanceTimersByTime(1000);
      expect(await metric('sallyport_history_bytes')).toBeLessThanOrEqual(200 * KIB);
    }
    for (const [topic, events] of published) {
      const at = Math.max(0, events.length - 1 - Math.floor(Math.random() * 5));
      const { recovered, payloads } = await resume(topic, events[at]?.cursor);
      if (recovered) expect(payloads).toEqual(events.slice(at + 1).map(({ payload }) => payload));
      else expect(payloads.length).toBeLessThanOrEqual(1);
    }
    vi.advanceTimersByTime(200_000);
    expect(await metric('sallyport_history_bytes')).toBe(0);
  });
});

describe('a topic that is deleted', () => {
  it('a deleted topic ends its subscriptions at once, once each, and no others', async () => {
    open({});
    const [topic, other] = [newTopic(), newTopic()];
    const [one, two, elsewhere] = [new RecordingSink(), new RecordingSink(), new RecordingSink()];
    const subscriptions = [await bus!.subscribe(topic, one), await bus!.subscribe(topic, two)];
    await bus!.subscribe(other, elsewhere);
    await bus!.forget(topic);
    await bus!.forget(topic);
    await publish(topic, 'a');
    for (const sink of [one, two]) expect(sink.all.map(({ kind }) => kind)).toEqual(['confirmed', 'ended']);
    for (const subscription of subscriptions) subscription.end();
    await publish(other, 'a');
    expect(elsewhere.all.map(({ kind }) => kind)).toEqual(['confirmed', 'event']);
  });

  it('a deleted topic takes the subscriber that returns from inside the end', async () => {
    open({});
    const topic = newTopic();
    const back = new RecordingSink();
    let returned: Promise<unknown> | undefined;
    await bus!.subscribe(topic, {
      confirmed: () => {},
      event: () => {},
      ended: () => {
        returned = bus!.subscribe(topic, back);
      },
    });
    await bus!.forget(topic);
    await returned;
    await publish(topic, 'a');
    expect(back.all.map(({ kind }) => kind)).toEqual(['confirmed', 'event']);
  });
});

describe('idempotency keys of a node', () => {
  const use = async (publisher: string, key: string, topic: Topic): Promise<boolean> => {
    const [outcome] = await bus!.publish([{ topic, payload: 1, key, publisher }]);
    return outcome?.ok === true && outcome.duplicate;
  };

  it('idempotency keys of one publisher do not displace those of another', async () => {
    open({});
    const topic = newTopic();
    await use('quiet', 'mine', topic);
    for (let key = 0; key < 100; key++) await use('busy', `${key}`, topic);
    expect(await use('quiet', 'mine', topic)).toBe(true);
    expect(await use('busy', '99', topic)).toBe(true);
    expect(await use('busy', '0', topic)).toBe(false);
    expect(await metric('sallyport_idempotency_keys_dropped_total')).toBe(91);
  });

  it('idempotency keys are limited over all topics, at the expense of the publisher with the most', async () => {
    open({ keys: { ofPublisher: 15, together: 20 } });
    const topics = Array.from({ length: 15 }, () => newTopic());
    for (const topic of topics) await use('busy', 'k', topic);
    const topic = newTopic();
    for (let key = 0; key < 10; key++) await use('quiet', `${key}`, topic);
    expect(await metric('sallyport_idempotency_keys_dropped_total')).toBe(5);
    for (let key = 0; key < 10; key++) expect(await use('quiet', `${key}`, topic)).toBe(true);
    for (const kept of topics.slice(5)) expect(await use('busy', 'k', kept)).toBe(true);
    expect(await use('busy', 'k', topics[4]!)).toBe(false);
  });

  it('idempotency keys are separate for each publisher', async () => {
    open({});
    const topic = newTopic();
    expect(await use('a', 'k', topic)).toBe(false);
    expect(await use('b', 'k', topic)).toBe(false);
    expect(await use('a', 'k', topic)).toBe(true);
  });

  it('idempotency keys expire after five minutes, and may be used again', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'setInterval', 'clearInterval'] });
    open({});
    const topic = newTopic();
    expect(await use('a', 'k', topic)).toBe(false);
    vi.advanceTimersByTime(299_000);
    expect(await use('a', 'k', topic)).toBe(true);
    vi.advanceTimersByTime(2_000);
    expect(await use('a', 'k', topic)).toBe(false);
    expect(await use('a', 'k', topic)).toBe(true);
  });
});
