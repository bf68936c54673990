import { describe, expect, it } from 'vitest';
import { topicOf, type Topic } from '../../../src/live/topics/topic.js';
import { type BusUnderTest, latest, newTopic } from './bus-under-test.js';

/** Which events a bus delivers to which subscribers. */
export function deliveringContract({ publish, publishNumbers, subscribe, harness }: BusUnderTest): void {
  describe('delivering', () => {
    it('reaches every subscriber in the order of publishing, with offsets that increase by one', async () => {
      const topic = newTopic();
      const [one, two] = [await subscribe(topic), await subscribe(topic, undefined, harness().elsewhere)];
      await publishNumbers(topic, 50);
      for (const { sink } of [one, two]) {
        await sink.until(50);
        expect(sink.payloads).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
        const offsets = sink.all.flatMap((recorded) => (recorded.kind === 'event' ? [recorded.offset] : []));
        expect(offsets).toEqual(offsets.map((_, index) => (offsets[0] ?? 0) + index));
      }
    });

    it('returns the cursors of the events, in the order of the publications', async () => {
      const [a, b] = [newTopic(), newTopic()];
      const [ofA, ofB] = [await subscribe(a), await subscribe(b)];
      const publications = [a, b, a, b].map((topic, payload) => ({ topic, payload }));
      const outcomes = await harness().bus.publish(publications);
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

    it('delivers any JSON value unchanged', async () => {
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
      const outcomes = await harness().bus.publish(topics.map((topic, payload) => ({ topic, payload })));
      await Promise.all([one.sink.until(0), two.sink.until(1_499)]);
      expect(outcomes).toHaveLength(1_500);
      expect(new Set(outcomes.map((outcome) => outcome.ok && outcome.cursor)).size).toBe(1_500);
    });

    it('publishes nothing when there is nothing to publish', async () => {
      const topic = newTopic();
      const { sink } = await subscribe(topic);
      expect(await harness().bus.publish([])).toEqual([]);
      await publish(topic, 'next');
      await sink.until('next');
      expect(sink.payloads).toEqual(['next']);
    });

    it('keeps viewers and feeds apart', async () => {
      const topic = newTopic();
      const sibling = topicOf(latest, topic.owner);
      const [mine, others, otherFeed] = [await subscribe(topic), await subscribe(newTopic()), await subscribe(sibling)];
      await publish(topic, 'mine');
      await mine.sink.until('mine');
      await publish(sibling, 'sibling');
      await otherFeed.sink.until('sibling');
      expect(mine.sink.payloads).toEqual(['mine']);
      expect(others.sink.payloads).toEqual([]);
      expect(otherFeed.sink.payloads).toEqual(['sibling']);
    });

    it('keeps the history without subscribers', async () => {
      const topic = newTopic();
      const [first] = await publishNumbers(topic, 3);
      const { sink } = await subscribe(topic, first);
      expect(sink.recovered).toBe(true);
      expect(sink.payloads).toEqual([2, 3]);
    });
  });
}
