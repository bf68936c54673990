import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { HistoryPage, HistoryRange } from '../../../src/live/topics/topic.bus.js';
import { type Topic, type TopicDefinition, topicOf } from '../../../src/live/topics/topic.js';
import { type BusUnderTest, kept, latest, newTopic } from './bus-under-test.js';

const EMPTY_PAGE: HistoryPage = { events: [], recovered: true };
const NOT_RECOVERED: HistoryPage = { events: [], recovered: false };

/** Reading a topic's history without subscribing. */
export function historyContract({ publish, publishNumbers, subscribe, harness }: BusUnderTest): void {
  const read = (topic: Topic, range: Partial<HistoryRange> = {}, bus = harness().bus): Promise<HistoryPage> =>
    bus.history(topic, { limit: 100, ...range });
  const payloadsOf = ({ events }: HistoryPage): unknown[] => events.map(({ payload }) => payload);

  describe('reading the history', () => {
    it('returns the kept events in order, with the cursors that their publisher got', async () => {
      const topic = newTopic();
      const cursors = await publishNumbers(topic, 8);
      const page = await read(topic);
      expect(page.recovered).toBe(true);
      expect(payloadsOf(page)).toEqual([4, 5, 6, 7, 8]);
      expect(page.events.map(({ cursor }) => cursor)).toEqual(cursors.slice(3));
    });

    it('returns what follows a cursor, page by page', async () => {
      const topic = newTopic();
      const cursors = await publishNumbers(topic, 5);
      const first = await read(topic, { limit: 2 });
      expect(payloadsOf(first)).toEqual([1, 2]);
      const second = await read(topic, { after: first.events[1]?.cursor, limit: 2 });
      expect([payloadsOf(second), second.recovered]).toEqual([[3, 4], true]);
      expect(payloadsOf(await read(topic, { after: second.events[1]?.cursor, limit: 2 }))).toEqual([5]);
      expect(await read(topic, { after: cursors[4] })).toEqual(EMPTY_PAGE);
    });

    it('has not recovered what is no longer kept, and then returns nothing', async () => {
      const topic = newTopic();
      const cursors = await publishNumbers(topic, 8);
      expect(payloadsOf(await read(topic, { after: cursors[2] }))).toEqual([4, 5, 6, 7, 8]);
      expect(await read(topic, { after: cursors[1] })).toEqual(NOT_RECOVERED);
    });

    it.each([
      ['text that is not a cursor', 'not a cursor'],
      ['a position that the topic has not reached', 'later'],
      ['the cursor of another topic', 'foreign'],
    ])('has not recovered after %s', async (_, after) => {
      const topic = newTopic();
      const cursors = await publishNumbers(topic, 2);
      const [foreign] = await publishNumbers(newTopic(), 1);
      const cursor = { later: `${cursors[1]?.split('.')[0]}.9`, foreign }[after] ?? after;
      expect(await read(topic, { after: cursor })).toEqual(NOT_RECOVERED);
    });

    it('works for a history of one event', async () => {
      const topic = newTopic(latest);
      const cursors = await publishNumbers(topic, 3);
      expect(payloadsOf(await read(topic))).toEqual([3]);
      expect(payloadsOf(await read(topic, { after: cursors[1] }))).toEqual([3]);
      expect(await read(topic, { after: cursors[2] })).toEqual(EMPTY_PAGE);
      expect(await read(topic, { after: cursors[0] })).toEqual(NOT_RECOVERED);
    });

    it.each<[string, TopicDefinition]>([
      ['several events', { ...kept, historySeconds: 1.5 }],
      ['one event', { ...latest, historySeconds: 1.5 }],
    ])('leaves out what is too old in a history of %s', async (_, feed) => {
      const topic = newTopic(feed);
      const [old] = await publishNumbers(topic, 1);
      await delay(1_000);
      const [recent] = await publishNumbers(topic, 1);
      await delay(600);
      expect(payloadsOf(await read(topic))).toEqual([1]);
      expect(payloadsOf(await read(topic, { after: old }))).toEqual([1]);
      await delay(1_100);
      expect(await read(topic)).toEqual(EMPTY_PAGE);
      expect(await read(topic, { after: recent })).toEqual(EMPTY_PAGE);
      expect(await read(topic, { after: old })).toEqual(NOT_RECOVERED);
    });

    it('returns a history of which the first events are too old, a page at a time', async () => {
      const topic = newTopic({ ...kept, historySeconds: 1.2 });
      await publish(topic, 'old', 'old', 'old');
      await delay(1_300);
      await publish(topic, 'new', 'newer');
      const first = await read(topic, { limit: 1 });
      expect(payloadsOf(first)).toEqual(['new']);
      expect(payloadsOf(await read(topic, { limit: 1, after: first.events[0]?.cursor }))).toEqual(['newer']);
    });

    it('does not create a topic', async () => {
      const topic = newTopic();
      expect(await read(topic)).toEqual(EMPTY_PAGE);
      const { sink } = await subscribe(topic);
      expect(await read(topic, { after: sink.start })).toEqual(EMPTY_PAGE);
      const other = newTopic();
      await read(other);
      expect(await read(other, { after: sink.start })).toEqual(NOT_RECOVERED);
    });

    it('returns nothing of a topic that was forgotten', async () => {
      const topic = newTopic();
      const [cursor] = await publishNumbers(topic, 2);
      const bus = await harness().forget(topic);
      expect(await read(topic, {}, bus)).toEqual(EMPTY_PAGE);
      expect(await read(topic, { after: cursor }, bus)).toEqual(NOT_RECOVERED);
    });

    it('is of one topic only', async () => {
      const topic = newTopic();
      await publish(topic, 'mine');
      await publish(topicOf({ ...latest, name: 'other_feed' }, topic.owner), 'of another feed');
      expect(payloadsOf(await read(topic))).toEqual(['mine']);
    });

    it('delays and disturbs no subscriber', async () => {
      const topic = newTopic();
      const { sink } = await subscribe(topic);
      for (let number = 1; number <= 50; number++)
        await Promise.all([publish(topic, number), read(topic), read(topic, { limit: 2 })]);
      await sink.until(50);
      expect(sink.payloads).toEqual(Array.from({ length: 50 }, (_, index) => index + 1));
    });
  });
}
