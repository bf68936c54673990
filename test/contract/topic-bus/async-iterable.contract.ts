import { describe, expect, it } from 'vitest';
import { TopicStream } from '../../../src/live/topics/topic-stream.js';
import { type BusUnderTest, latest, newTopic } from './bus-under-test.js';

/** Reading a topic as an async iterable, at the consumer's pace. */
export function asyncIterableContract({ publish, subscribe, harness }: BusUnderTest): void {
  describe('as an async iterable', () => {
    it('ends with an error when the reader of a topic that closes slow readers overflows', async () => {
      const topic = newTopic({ ...latest, slowReader: 'close' });
      await publish(topic, 0);
      const events = new TopicStream(harness().bus, topic)[Symbol.asyncIterator]();
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
      const events = new TopicStream(harness().bus, topic)[Symbol.asyncIterator]();
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
}
