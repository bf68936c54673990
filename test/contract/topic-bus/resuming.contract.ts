import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type BusUnderTest, fromHistory, kept, latest, newTopic } from './bus-under-test.js';

/** Resuming: a subscriber gets every missed event, or none and is told that there is a gap. */
export function resumingContract({ publish, publishNumbers, subscribe, harness }: BusUnderTest): void {
  describe('resuming', () => {
    it('replays missed events in order, then continues live', async () => {
      const topic = newTopic();
      const cursors = await publishNumbers(topic, 4);
      const { sink } = await subscribe(topic, cursors[1]);
      await publish(topic, 5);
      await sink.until(5);
      expect(sink.payloads).toEqual([3, 4, 5]);
      expect(sink.recovered).toBe(true);
      expect(sink.all[0]).toEqual({ kind: 'confirmed', recovered: true });
    });

    it('has recovered if nothing was missed', async () => {
      const topic = newTopic();
      const cursors = await publishNumbers(topic, 2);
      const { sink } = await subscribe(topic, cursors[1]);
      expect(sink.recovered).toBe(true);
      await publish(topic, 3);
      await sink.until(3);
      expect(sink.payloads).toEqual([3]);
    });

    it('replays at most the history, and never a part of what was missed', async () => {
      const topic = newTopic();
      const cursors = await publishNumbers(topic, 8);
      const whole = await subscribe(topic, cursors[2]);
      expect(whole.sink.recovered).toBe(true);
      expect(whole.sink.payloads).toEqual([4, 5, 6, 7, 8]);
      const part = await subscribe(topic, cursors[1]);
      expect(part.sink.recovered).toBe(false);
      expect(part.sink.payloads).toEqual([]);
    });

    it('deletes a topic whose owner is deleted, so that no cursor brings it back', async () => {
      const topic = newTopic(latest);
      const [, second] = await publishNumbers(topic, 3);
      await harness().bus.forget(topic);
      for (const cursor of [second, undefined]) {
        const { sink } = await subscribe(topic, cursor);
        expect(sink.recovered).toBe(cursor === undefined ? undefined : false);
        expect(sink.payloads).toEqual([]);
      }
    });

    it('sends the last event if the feed says so and the rest is not available', async () => {
      const topic = newTopic(latest);
      const cursors = await publishNumbers(topic, 4);
      const { sink } = await subscribe(topic, cursors[0]);
      expect(sink.recovered).toBe(false);
      expect(sink.payloads).toEqual([4]);
    });

    it('replays only what was missed if new subscribers get the history', async () => {
      const topic = newTopic(fromHistory);
      const cursors = await publishNumbers(topic, 4);
      const { sink } = await subscribe(topic, cursors[2]);
      expect(sink.recovered).toBe(true);
      expect(sink.payloads).toEqual([4]);
    });

    it('replays nothing of the history to a subscriber whose cursor is refused', async () => {
      const topic = newTopic(fromHistory);
      const [first] = await publishNumbers(topic, 8);
      for (const cursor of [first, 'not a cursor']) {
        const { sink } = await subscribe(topic, cursor);
        expect(sink.recovered).toBe(false);
        expect(sink.payloads).toEqual([]);
      }
    });

    it('does not replay events that are too old', async () => {
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
      expect([tooOld.sink.recovered, tooOld.sink.payloads]).toEqual([false, []]);
      expect([inTime.sink.recovered, inTime.sink.payloads]).toEqual([true, [3]]);
    });

    it('does not start with a last event that is too old', async () => {
      const topic = newTopic({ ...latest, historySeconds: 0.05 });
      await publish(topic, 1);
      await delay(80);
      const { sink } = await subscribe(topic);
      expect(sink.payloads).toEqual([]);
    });

    it('treats the cursor of another topic as malformed', async () => {
      const topic = newTopic();
      await publishNumbers(topic, 3);
      const [foreign] = await publishNumbers(newTopic(), 3);
      const { sink } = await subscribe(topic, foreign);
      expect(sink.recovered).toBe(false);
      expect(sink.payloads).toEqual([]);
    });

    it('distinguishes the cursors of topics that were created by one batch', async () => {
      const [a, b] = [newTopic(), newTopic()];
      const outcomes = await harness().bus.publish([
        { topic: a, payload: 1 },
        { topic: b, payload: 1 },
      ]);
      const ofA = outcomes[0]?.ok && outcomes[0].cursor;
      expect((await subscribe(b, ofA)).sink.recovered).toBe(false);
      expect((await subscribe(a, ofA)).sink.recovered).toBe(true);
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
    ])('does not recover from a malformed cursor (%s), but is live', async (_, cursor) => {
      const topic = newTopic();
      await publishNumbers(topic, 2);
      const { sink } = await subscribe(topic, cursor);
      expect(sink.recovered).toBe(false);
      await publish(topic, 'live');
      await sink.until('live');
      expect(sink.payloads).toEqual(['live']);
    });

    it('does not recover from a truncated cursor, or from one in the future', async () => {
      const topic = newTopic();
      const [first = ''] = await publishNumbers(topic, 3);
      const [epoch = ''] = first.split('.');
      for (const cursor of [epoch, `${epoch}.`, `${epoch}.zz`, `${epoch.slice(1)}.1`])
        expect((await subscribe(topic, cursor)).sink.recovered).toBe(false);
    });

    it('does not recover in a store that has lost the topic, and starts a new epoch', async () => {
      const topic = newTopic();
      const cursors = await publishNumbers(topic, 2);
      const bus = await harness().forget(topic);
      const again = await subscribe(topic, cursors[1], bus);
      expect(again.sink.recovered).toBe(false);
      const outcomes = await bus.publish([1, 2, 3].map((payload) => ({ topic, payload })));
      await again.sink.until(3);
      expect(again.sink.payloads).toEqual([1, 2, 3]);
      expect(outcomes.map((outcome) => outcome.ok && outcome.cursor)).not.toContain(cursors[1]);
    });

    it('loses and repeats nothing when a subscriber resumes during publishing', async () => {
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
        expect(sink.recovered).toBe(true);
      }
      await publish(topic, 301);
      await sink.until(301);
      expect([...seen, ...sink.payloads]).toEqual(Array.from({ length: 301 }, (_, index) => index + 1));
    });
  });
}
