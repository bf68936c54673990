import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type BusUnderTest, fromHistory, latest, newTopic, type Subscribed } from './bus-under-test.js';

/** How subscriptions start and end. */
export function subscribingContract({ publish, publishNumbers, subscribe, harness }: BusUnderTest): void {
  describe('subscribing', () => {
    it('confirms once, before the first event', async () => {
      const topic = newTopic(latest);
      await publish(topic, 7);
      const { sink } = await subscribe(topic);
      expect(sink.all.map(({ kind }) => kind)).toEqual(['confirmed', 'event']);
    });

    it('returns its start position before any event, as a cursor to resume from', async () => {
      const topic = newTopic();
      const { sink, subscription } = await subscribe(topic);
      subscription.end();
      await publish(topic, 'meanwhile');
      const back = await subscribe(topic, sink.start);
      await back.sink.until('meanwhile');
      expect(back.sink.recovered).toBe(true);
      expect(back.sink.start).toBe(back.sink.cursor);
    });

    it('starts with the last event if the feed says so', async () => {
      const topic = newTopic(latest);
      await publishNumbers(topic, 3);
      const { sink } = await subscribe(topic);
      expect(sink.payloads).toEqual([3]);
      expect(sink.recovered).toBeUndefined();
      await publish(topic, 4);
      await sink.until(4);
      expect(sink.payloads).toEqual([3, 4]);
    });

    it('starts with nothing if the feed says so', async () => {
      const topic = newTopic();
      await publishNumbers(topic, 3);
      const { sink } = await subscribe(topic);
      await publish(topic, 'live');
      await sink.until('live');
      expect(sink.payloads).toEqual(['live']);
    });

    it('starts with the history in order if the feed says so, and then is live', async () => {
      const topic = newTopic(fromHistory);
      const cursors = await publishNumbers(topic, 8);
      const { sink } = await subscribe(topic);
      expect(sink.recovered).toBeUndefined();
      expect(sink.start).toBe(cursors[7]);
      await publish(topic, 9);
      await sink.until(9);
      expect(sink.payloads).toEqual([4, 5, 6, 7, 8, 9]);
      expect(sink.all[0]).toEqual({ kind: 'confirmed', recovered: undefined });
    });

    it('starts with one event if the history holds only one', async () => {
      const topic = newTopic({ ...fromHistory, historySize: 1 });
      await publishNumbers(topic, 3);
      expect((await subscribe(topic)).sink.payloads).toEqual([3]);
    });

    it('starts with nothing if the history is empty', async () => {
      const topic = newTopic(fromHistory);
      const { sink } = await subscribe(topic);
      await publish(topic, 'live');
      await sink.until('live');
      expect(sink.payloads).toEqual(['live']);
    });

    it('leaves out what is too old of the history', async () => {
      const topic = newTopic({ ...fromHistory, historySeconds: 0.6 });
      await publish(topic, 'old');
      await delay(400);
      await publish(topic, 'new');
      await delay(300);
      expect((await subscribe(topic)).sink.payloads).toEqual(['new']);
    });

    it.each([
      ['last event', latest],
      ['history', { ...fromHistory, historySize: 20 }],
    ])('misses and repeats nothing when it starts with the %s during publishing', async (_, feed) => {
      const topic = newTopic(feed);
      const subscriptions: Promise<Subscribed>[] = [];
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

    it('ends on request: no event follows, and other subscriptions continue', async () => {
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

    it('ends at the next event at the latest when its topic is deleted, and starts anew after that', async () => {
      const topic = newTopic();
      const { sink, subscription } = await subscribe(topic);
      await publish(topic, 'before');
      await sink.until('before');
      await harness().bus.forget(topic);
      await publish(topic, 'after');
      await sink.untilEnded();
      expect(sink.all.map(({ kind }) => kind)).toEqual(['confirmed', 'event', 'ended']);
      const again = await subscribe(topic);
      subscription.end();
      await publish(topic, 'anew');
      await again.sink.until('anew');
      expect(again.sink.payloads).toEqual(['anew']);
      expect(sink.payloads).toEqual(['before']);
    });

    it('works again after the last subscriber has left', async () => {
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
      const subscription = await harness().bus.subscribe(topic, {
        confirmed: () => {},
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
}
