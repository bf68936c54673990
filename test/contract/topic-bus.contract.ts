import { randomUUID } from 'node:crypto';
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TopicBus } from '../../src/topics/topic.bus.js';
import { TopicStream } from '../../src/topics/topic-stream.js';
import { type Topic, type TopicDefinition, topicOf } from '../../src/topics/topic.js';
import { RecordingSink } from '../kit/recording-sink.js';

/** One implementation under test. */
export interface BusHarness {
  readonly bus: TopicBus;
  /** The bus of another node; the same one where there is only one node. */
  readonly elsewhere: TopicBus;
  /** A bus whose store has lost the topic, as after a flush or a restart without data. */
  forget(topic: Topic): Promise<TopicBus>;
  close(): Promise<void>;
}

const kept: TopicDefinition = {
  name: 'notifications',
  field: 'notifications',
  historySize: 5,
  historySeconds: 300,
  onSubscribe: 'nothing',
  slowReader: 'close',
};
const latest: TopicDefinition = {
  ...kept,
  name: 'user_count',
  field: 'userCount',
  historySize: 1,
  onSubscribe: 'last-event',
  slowReader: 'keep-latest',
};

/** A topic of a viewer whom no other test knows. */
function newTopic(definition: TopicDefinition = kept): Topic {
  return topicOf(definition, `user:${randomUUID()}`);
}

/** What every {@link TopicBus} must hold, over one implementation. */
export function topicBusContract(name: string, open: () => Promise<BusHarness>): void {
  describe(`TopicBus ${name}`, () => {
    let harness: BusHarness;
    beforeAll(async () => {
      harness = await open();
    });
    afterAll(() => harness.close());

    const publish = (topic: Topic, ...payloads: unknown[]) =>
      harness.elsewhere.publish(payloads.map((payload) => ({ topic, payload })));
    const subscribe = async (topic: Topic, resume?: unknown, bus = harness.bus) => {
      const sink = new RecordingSink();
      const options = resume === undefined ? {} : { resume };
      const subscription = await bus.subscribe(topic, sink, { confirmed: sink.confirmed, ...options });
      return { sink, subscription };
    };
    /** Publishes 1…count one by one and returns the cursors. */
    const publishNumbers = async (topic: Topic, count: number) => {
      const numbers = Array.from({ length: count }, (_, index) => index + 1);
      const outcomes = await publish(topic, ...numbers);
      return outcomes.map((outcome) => (outcome.ok ? outcome.cursor : ''));
    };

    describe('delivering', () => {
      it('reaches every subscriber in the order of publishing, with offsets that rise by one', async () => {
        const topic = newTopic();
        const [one, two] = [await subscribe(topic), await subscribe(topic, undefined, harness.elsewhere)];
        await publishNumbers(topic, 50);
        for (const { sink } of [one, two]) {
          await sink.until(50);
          expect(sink.payloads).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
          const offsets = sink.all.flatMap((recorded) => (recorded.kind === 'event' ? [recorded.offset] : []));
          expect(offsets).toEqual(offsets.map((_, index) => (offsets[0] ?? 0) + index));
        }
      });

      it('answers with the cursors that the events carry, in the order of the publications', async () => {
        const [a, b] = [newTopic(), newTopic()];
        const [ofA, ofB] = [await subscribe(a), await subscribe(b)];
        const publications = [a, b, a, b].map((topic, payload) => ({ topic, payload }));
        const outcomes = await harness.bus.publish(publications);
        await Promise.all([ofA.sink.until(2), ofB.sink.until(3)]);
        const cursors = [ofA, ofB].map(({ sink }) =>
          sink.all.flatMap((recorded) => (recorded.kind === 'event' ? [recorded.cursor] : [])),
        );
        expect(outcomes.map((outcome) => outcome.ok && outcome.cursor)).toEqual([
          cursors[0]?.[0],
          cursors[1]?.[0],
          cursors[0]?.[1],
          cursors[1]?.[1],
        ]);
      });

      it('carries any JSON value as it is', async () => {
        const topic = newTopic();
        const { sink } = await subscribe(topic);
        const values = [null, true, 0.5, '', 'a b\n\0\u2028 😀', [], { a: { b: ['x y'] } }, 'z'.repeat(100_000), 'end'];
        await publish(topic, ...values);
        await sink.until('end');
        expect(sink.payloads).toEqual(values);
      });

      it('publishes more than a thousand events to as many topics in one call', async () => {
        const topics = Array.from({ length: 1_500 }, () => newTopic());
        const [first, last] = [topics[0] as Topic, topics[1_499] as Topic];
        const [one, two] = [await subscribe(first), await subscribe(last)];
        const outcomes = await harness.bus.publish(topics.map((topic, payload) => ({ topic, payload })));
        await Promise.all([one.sink.until(0), two.sink.until(1_499)]);
        expect(outcomes).toHaveLength(1_500);
        expect(new Set(outcomes.map((outcome) => outcome.ok && outcome.cursor)).size).toBe(1_500);
      });

      it('keeps viewers and feeds apart', async () => {
        const topic = newTopic();
        const sibling = topicOf(latest, topic.owner);
        const [mine, others, otherFeed] = [
          await subscribe(topic),
          await subscribe(newTopic()),
          await subscribe(sibling),
        ];
        await publish(topic, 'mine');
        await mine.sink.until('mine');
        await publish(sibling, 'sibling');
        await otherFeed.sink.until('sibling');
        expect(mine.sink.payloads).toEqual(['mine']);
        expect(others.sink.payloads).toEqual([]);
        expect(otherFeed.sink.payloads).toEqual(['sibling']);
      });

      it('costs nothing and keeps the history where nobody listens', async () => {
        const topic = newTopic();
        const [first] = await publishNumbers(topic, 3);
        const { sink, subscription } = await subscribe(topic, first);
        expect(subscription.recovered).toBe(true);
        expect(sink.payloads).toEqual([2, 3]);
      });
    });

    describe('subscribing', () => {
      it('confirms once, before the first event', async () => {
        const topic = newTopic(latest);
        await publish(topic, 7);
        const { sink } = await subscribe(topic);
        expect(sink.all.map(({ kind }) => kind)).toEqual(['confirmed', 'event']);
      });

      it('tells where it starts, before there is any event, and that is a cursor to come back with', async () => {
        const topic = newTopic();
        const { sink, subscription } = await subscribe(topic);
        subscription.end();
        await publish(topic, 'meanwhile');
        const back = await subscribe(topic, sink.start);
        await back.sink.until('meanwhile');
        expect(back.subscription.recovered).toBe(true);
        expect(back.sink.start).toBe(back.sink.cursor);
      });

      it('starts with the last event where the feed says so', async () => {
        const topic = newTopic(latest);
        await publishNumbers(topic, 3);
        const { sink, subscription } = await subscribe(topic);
        expect(sink.payloads).toEqual([3]);
        expect(subscription.recovered).toBeUndefined();
        await publish(topic, 4);
        await sink.until(4);
        expect(sink.payloads).toEqual([3, 4]);
      });

      it('starts with nothing where the feed says so', async () => {
        const topic = newTopic();
        await publishNumbers(topic, 3);
        const { sink } = await subscribe(topic);
        await publish(topic, 'live');
        await sink.until('live');
        expect(sink.payloads).toEqual(['live']);
      });

      it('misses nothing and repeats nothing when it starts in the middle of publishing', async () => {
        const topic = newTopic(latest);
        const subscriptions: ReturnType<typeof subscribe>[] = [];
        for (let number = 1; number <= 400; number++) {
          const published = publish(topic, number);
          if (number % 8 === 0) subscriptions.push(subscribe(topic));
          if (number % 3 === 0) await published;
          else await turn();
        }
        for (const { sink } of await Promise.all(subscriptions)) {
          await sink.until(400);
          const first = sink.payloads[0] as number;
          expect(sink.payloads).toEqual(Array.from({ length: 401 - first }, (_, index) => first + index));
        }
      });

      it('ends when it is told to: no event follows, and the others go on', async () => {
        const topic = newTopic();
        const [leaving, staying] = [await subscribe(topic), await subscribe(topic)];
        await publish(topic, 'before');
        await Promise.all([leaving.sink.until('before'), staying.sink.until('before')]);
        leaving.subscription.end();
        leaving.subscription.end();
        await publish(topic, 'after');
        await staying.sink.until('after');
        expect(leaving.sink.payloads).toEqual(['before']);
        expect(leaving.sink.all.map(({ kind }) => kind)).not.toContain('ended');
      });

      it('works again after the last one has left', async () => {
        const topic = newTopic();
        for (let round = 0; round < 5; round++) {
          const { sink, subscription } = await subscribe(topic);
          await publish(topic, round);
          await sink.until(round);
          subscription.end();
        }
      });

      it('may be ended from inside an event', async () => {
        const topic = newTopic();
        const payloads: unknown[] = [];
        const subscription = await harness.bus.subscribe(topic, {
          event: ({ payload }) => {
            payloads.push(payload);
            subscription.end();
          },
          ended: () => {},
        });
        const { sink } = await subscribe(topic);
        await publish(topic, 1, 2);
        await sink.until(2);
        expect(payloads).toEqual([1]);
      });
    });

    describe('resuming', () => {
      it('replays what was missed, in order, then goes on live', async () => {
        const topic = newTopic();
        const cursors = await publishNumbers(topic, 4);
        const { sink, subscription } = await subscribe(topic, cursors[1]);
        await publish(topic, 5);
        await sink.until(5);
        expect(sink.payloads).toEqual([3, 4, 5]);
        expect(subscription.recovered).toBe(true);
        expect(sink.all[0]).toEqual({ kind: 'confirmed', recovered: true });
      });

      it('has recovered where nothing was missed', async () => {
        const topic = newTopic();
        const cursors = await publishNumbers(topic, 2);
        const { sink, subscription } = await subscribe(topic, cursors[1]);
        expect(subscription.recovered).toBe(true);
        await publish(topic, 3);
        await sink.until(3);
        expect(sink.payloads).toEqual([3]);
      });

      it('replays as much as the history holds, and not a part of more', async () => {
        const topic = newTopic();
        const cursors = await publishNumbers(topic, 8);
        const whole = await subscribe(topic, cursors[2]);
        expect(whole.subscription.recovered).toBe(true);
        expect(whole.sink.payloads).toEqual([4, 5, 6, 7, 8]);
        const part = await subscribe(topic, cursors[1]);
        expect(part.subscription.recovered).toBe(false);
        expect(part.sink.payloads).toEqual([]);
      });

      it('gives the last event where the feed says so and the rest is gone', async () => {
        const topic = newTopic(latest);
        const cursors = await publishNumbers(topic, 4);
        const { sink, subscription } = await subscribe(topic, cursors[0]);
        expect(subscription.recovered).toBe(false);
        expect(sink.payloads).toEqual([4]);
      });

      it('does not replay events that are too old, to the event', async () => {
        const topic = newTopic({ ...kept, historySeconds: 0.6 });
        const [first] = await publish(topic, 1);
        const [second] = await publish(topic, 2);
        await delay(400);
        await publish(topic, 3);
        await delay(300);
        const [tooOld, inTime] = [
          await subscribe(topic, first?.ok && first.cursor),
          await subscribe(topic, second?.ok && second.cursor),
        ];
        expect([tooOld.subscription.recovered, tooOld.sink.payloads]).toEqual([false, []]);
        expect([inTime.subscription.recovered, inTime.sink.payloads]).toEqual([true, [3]]);
      });

      it('does not start with a last event that is too old', async () => {
        const topic = newTopic({ ...latest, historySeconds: 0.05 });
        await publish(topic, 1);
        await delay(80);
        const { sink } = await subscribe(topic);
        expect(sink.payloads).toEqual([]);
      });

      it('takes the cursor of another topic for a malformed one', async () => {
        const topic = newTopic();
        await publishNumbers(topic, 3);
        const [foreign] = await publishNumbers(newTopic(), 3);
        const { sink, subscription } = await subscribe(topic, foreign);
        expect(subscription.recovered).toBe(false);
        expect(sink.payloads).toEqual([]);
      });

      it('tells apart the cursors of topics that one batch has brought into being', async () => {
        const [a, b] = [newTopic(), newTopic()];
        const outcomes = await harness.bus.publish([
          { topic: a, payload: 1 },
          { topic: b, payload: 1 },
        ]);
        const ofA = outcomes[0]?.ok && outcomes[0].cursor;
        expect((await subscribe(b, ofA)).subscription.recovered).toBe(false);
        expect((await subscribe(a, ofA)).subscription.recovered).toBe(true);
      });

      it.each([
        ['empty', ''],
        ['no cursor at all', 'not a cursor'],
        ['a number', 12],
        ['null', null],
        ['an object', { epoch: 'x', offset: 1 }],
        ['a wildcard', '*.*'],
        ['10 kB', 'a'.repeat(10_240)],
        ['a negative offset', 'abcdefgh1234.-1'],
        ['an epoch with a line break', 'abcdefgh\n1234.1'],
      ])('does not recover from a malformed cursor (%s) and is live all the same', async (_, cursor) => {
        const topic = newTopic();
        await publishNumbers(topic, 2);
        const { sink, subscription } = await subscribe(topic, cursor);
        expect(subscription.recovered).toBe(false);
        await publish(topic, 'live');
        await sink.until('live');
        expect(sink.payloads).toEqual(['live']);
      });

      it('does not recover from a truncated cursor, or from one of the future', async () => {
        const topic = newTopic();
        const [first = ''] = await publishNumbers(topic, 3);
        const [epoch = ''] = first.split('.');
        for (const cursor of [epoch, `${epoch}.`, `${epoch}.zz`, `${epoch.slice(1)}.1`])
          expect((await subscribe(topic, cursor)).subscription.recovered).toBe(false);
      });

      it('does not recover in a store that has forgotten the topic, and starts a new epoch', async () => {
        const topic = newTopic();
        const cursors = await publishNumbers(topic, 2);
        const bus = await harness.forget(topic);
        const again = await subscribe(topic, cursors[1], bus);
        expect(again.subscription.recovered).toBe(false);
        const outcomes = await bus.publish([1, 2, 3].map((payload) => ({ topic, payload })));
        await again.sink.until(3);
        expect(again.sink.payloads).toEqual([1, 2, 3]);
        expect(outcomes.map((outcome) => outcome.ok && outcome.cursor)).not.toContain(cursors[1]);
      });

      it('loses nothing and repeats nothing when a subscriber comes and goes in the middle of publishing', async () => {
        const topic = newTopic({ ...kept, historySize: 100 });
        const seen: unknown[] = [];
        let { sink, subscription } = await subscribe(topic);
        let cursor: string | undefined;
        for (let number = 1; number <= 300; number++) {
          const published = publish(topic, number);
          if (number === 1) await sink.until(1);
          if (number % 20 === 0) await published;
          if (number % 10 !== 0) {
            await turn();
            continue;
          }
          subscription.end();
          seen.push(...sink.payloads);
          if (sink.payloads.length > 0) ({ cursor } = sink);
          ({ sink, subscription } = await subscribe(topic, cursor));
          expect(subscription.recovered).toBe(true);
        }
        await publish(topic, 301);
        await sink.until(301);
        expect([...seen, ...sink.payloads]).toEqual(Array.from({ length: 301 }, (_, index) => index + 1));
      });
    });

    describe('idempotency keys', () => {
      it('give the first cursor back and deliver nothing twice', async () => {
        const topic = newTopic();
        const { sink } = await subscribe(topic);
        const publication = { topic, payload: { n: 1 }, key: 'order 42' };
        const [first] = await harness.bus.publish([publication]);
        const [second] = await harness.elsewhere.publish([publication]);
        await publish(topic, 'end');
        await sink.until('end');
        expect(first).toMatchObject({ ok: true, duplicate: false });
        expect(second).toEqual({ ...first, duplicate: true });
        expect(sink.payloads).toEqual([{ n: 1 }, 'end']);
      });

      it('hold within one batch', async () => {
        const topic = newTopic();
        const outcomes = await harness.bus.publish([1, 1, 2].map((payload) => ({ topic, payload, key: 'k' })));
        expect(outcomes).toMatchObject([
          { ok: true, duplicate: false },
          { ok: true, duplicate: true },
          { ok: false, reason: 'key-reused' },
        ]);
      });

      it('refuse another payload and deliver nothing of it', async () => {
        const topic = newTopic();
        const { sink } = await subscribe(topic);
        await harness.bus.publish([{ topic, payload: 1, key: 'k' }]);
        const [refused] = await harness.bus.publish([{ topic, payload: 2, key: 'k' }]);
        await publish(topic, 'end');
        await sink.until('end');
        expect(refused).toEqual({ ok: false, reason: 'key-reused' });
        expect(sink.payloads).toEqual([1, 'end']);
      });

      it('belong to what was submitted, where the payload was completed from it', async () => {
        const topic = newTopic();
        const submitted = { title: 'Hello' };
        const [first] = await harness.bus.publish([{ topic, payload: { ...submitted, id: 1 }, submitted, key: 'k' }]);
        const [second] = await harness.bus.publish([{ topic, payload: { ...submitted, id: 2 }, submitted, key: 'k' }]);
        expect(second).toEqual({ ...first, duplicate: true });
      });

      it('belong to one topic', async () => {
        const [a, b] = [newTopic(), newTopic()];
        const outcomes = await harness.bus.publish([a, b].map((topic) => ({ topic, payload: 1, key: 'k' })));
        expect(outcomes).toMatchObject([{ duplicate: false }, { duplicate: false }]);
      });
    });

    describe('as an async iterable', () => {
      it('ends with an error when the reader of a topic that closes slow readers overflows', async () => {
        const topic = newTopic({ ...latest, slowReader: 'close' });
        await publish(topic, 0);
        const events = new TopicStream(harness.bus, topic)[Symbol.asyncIterator]();
        const { sink } = await subscribe(topic);
        await events.next();
        await publish(topic, ...Array.from({ length: 300 }, () => 'more'), 'end');
        await sink.until('end');
        await expect(events.next()).rejects.toThrow('too slow');
        expect(await events.next()).toEqual({ done: true, value: undefined });
      });

      it('keeps the newest events for a reader of a topic that keeps the latest', async () => {
        const topic = newTopic(latest);
        await publish(topic, 0);
        const events = new TopicStream(harness.bus, topic)[Symbol.asyncIterator]();
        const { sink } = await subscribe(topic);
        await events.next();
        await publish(topic, ...Array.from({ length: 400 }, (_, index) => index + 1));
        await sink.until(400);
        const values: unknown[] = [];
        while (values.at(-1) !== 400) {
          const next = await events.next();
          values.push(next.done ? undefined : next.value['userCount']);
        }
        expect(values.length).toBeLessThanOrEqual(256);
        await events.return?.();
      });
    });
  });
}
