import { expect, it } from 'vitest';
import { RecordingSink } from '../../../test/kit/recording-sink.js';
import { TopicEvent } from './topic-event.js';
import { topicOf } from './topic.js';
import { LiveTopic, TopicSubscriber } from './live-topic.js';
import type { TopicReading } from './topic-reading.js';

const definition = {
  name: 'numbers',
  field: 'number',
  historySize: 5,
  historySeconds: 60,
  onSubscribe: 'nothing',
  slowReader: 'close',
} as const;

/** A topic over a store whose history holds everything up to `stored`, of the epoch `epoch-of-it`. */
class TopicUnderTest {
  epoch = 'epoch-of-it';
  stored = 0;
  isLost = false;
  mayDeliver = true;
  reads = 0;
  readonly live = new LiveTopic(topicOf(definition, 'user:6f1c0000-0000-4000-8000-000000000001'), {
    mayDeliver: () => this.mayDeliver,
    read: async (_topic, { offset }) => {
      if (++this.reads > 10) throw new Error('reads without end');
      return this.isLost ? this.reading(this.stored, false) : this.reading(this.stored, true, offset);
    },
    received: () => {},
    filled: () => {},
    gap: () => {},
    epochChanged: () => {},
    emptied: () => {},
  });

  reading(at: number, recovered?: boolean, since = at): TopicReading {
    const events = Array.from(
      { length: at - since },
      (_, index) => new TopicEvent(this.epoch, since + 1 + index, 'read'),
    );
    return { position: { epoch: this.epoch, offset: at }, recovered, events };
  }

  /** What a store sends for an event. */
  receive(offset: number): void {
    this.stored = Math.max(this.stored, offset);
    if (this.live.accepts()) this.live.receive(new TopicEvent(this.epoch, offset, 'live'));
  }

  subscribe(): { sink: RecordingSink; subscriber: TopicSubscriber } {
    const sink = new RecordingSink();
    return { sink, subscriber: new TopicSubscriber(this.live, sink) };
  }

  join(at: number): RecordingSink {
    const { sink, subscriber } = this.subscribe();
    this.live.join(subscriber, this.reading(at));
    return sink;
  }
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
const offsets = (sink: RecordingSink): number[] =>
  sink.all.flatMap((recorded) => (recorded.kind === 'event' ? [recorded.offset] : []));
const kinds = (sink: RecordingSink): string[] => sink.all.map(({ kind }) => kind);

it('sends a subscriber that has read ahead of the topic only later events', () => {
  const topic = new TopicUnderTest();
  const first = topic.join(5);
  const ahead = topic.join(7);
  for (const offset of [6, 7, 8]) topic.receive(offset);
  expect(offsets(first)).toEqual([6, 7, 8]);
  expect(offsets(ahead)).toEqual([8]);
});

it('sends a subscriber that has read behind the topic the events that arrived while it joined', () => {
  const topic = new TopicUnderTest();
  topic.join(5);
  const { sink, subscriber } = topic.subscribe();
  const read = topic.reading(6);
  for (const offset of [6, 7, 8]) topic.receive(offset);
  topic.live.join(subscriber, read);
  topic.receive(9);
  expect(offsets(sink)).toEqual([7, 8, 9]);
});

it('ends a subscriber whose history ends before its first live event', () => {
  const topic = new TopicUnderTest();
  const first = topic.join(5);
  topic.receive(6);
  topic.receive(7);
  const behind = topic.join(5);
  expect(kinds(behind)).toEqual(['ended']);
  topic.receive(8);
  expect(offsets(first)).toEqual([6, 7, 8]);
});

it('ends all subscribers when one has read another epoch and the history is gone', async () => {
  const topic = new TopicUnderTest();
  const first = topic.join(5);
  topic.epoch = 'another-epoch';
  topic.stored = 1;
  topic.isLost = true;
  const other = topic.join(1);
  expect(kinds(other)).toEqual(['ended']);
  await turn();
  expect(kinds(first)).toEqual(['confirmed', 'ended']);
  const next = topic.join(1);
  topic.receive(2);
  expect(offsets(next)).toEqual([2]);
});

it('fills a gap from history for all subscribers, including joining ones', async () => {
  const topic = new TopicUnderTest();
  const first = topic.join(5);
  topic.receive(8);
  const ahead = topic.join(7);
  topic.receive(9);
  await turn();
  expect(offsets(first)).toEqual([6, 7, 8, 9]);
  expect(offsets(ahead)).toEqual([8, 9]);
  expect(topic.reads).toBe(1);
});

it('reads the history again for a subscriber that read it before a loss', async () => {
  const topic = new TopicUnderTest();
  const first = topic.join(5);
  const { sink, subscriber } = topic.subscribe();
  topic.receive(6);
  const read = topic.reading(6);
  topic.isLost = true;
  topic.receive(9);
  await turn();
  expect(kinds(first)).toEqual(['confirmed', 'event', 'ended']);
  topic.isLost = false;
  topic.live.join(subscriber, read);
  await turn();
  expect(offsets(sink)).toEqual([7, 8, 9]);
});

it('fills a long gap although more may have been missed while it is read, and more came than may wait', async () => {
  const topic = new TopicUnderTest();
  const sink = topic.join(0);
  topic.stored = 300;
  const caughtUp = topic.live.catchUp();
  for (let offset = 301; offset <= 600; offset++) topic.receive(offset);
  void topic.live.catchUp();
  await caughtUp;
  await turn();
  topic.receive(601);
  expect(offsets(sink)).toEqual(Array.from({ length: 601 }, (_, index) => index + 1));
  expect(topic.reads).toBe(2);
});

it('goes on after messages of an earlier epoch that arrive late, before and after the first subscriber joins', async () => {
  const topic = new TopicUnderTest();
  const { sink, subscriber } = topic.subscribe();
  const late = (...all: number[]): void => {
    for (const offset of all) topic.live.receive(new TopicEvent('epoch-before', offset, 'late'));
  };
  const read = topic.reading(1);
  late(7, 8, 9, 10);
  topic.live.join(subscriber, read);
  await turn();
  late(11, 12, 13);
  topic.receive(2);
  await turn();
  topic.receive(3);
  expect(offsets(sink)).toEqual([2, 3]);
  expect(topic.reads).toBe(4);
});

it('delivers what came and what was refused when the gate closes while a gap is read', async () => {
  const topic = new TopicUnderTest();
  topic.stored = 1;
  const sink = topic.join(1);
  const caughtUp = topic.live.catchUp();
  topic.receive(2);
  topic.mayDeliver = false;
  topic.receive(3);
  await caughtUp;
  expect(offsets(sink)).toEqual([]);
  topic.mayDeliver = true;
  await topic.live.catchUp();
  topic.receive(4);
  await turn();
  topic.receive(5);
  expect(offsets(sink)).toEqual([2, 3, 4, 5]);
  expect(kinds(sink)).not.toContain('ended');
});

it('delivers what came and what was refused when the gate closes before the first subscriber joins', async () => {
  const topic = new TopicUnderTest();
  const { sink, subscriber } = topic.subscribe();
  const read = topic.reading(0);
  topic.receive(1);
  topic.mayDeliver = false;
  topic.receive(2);
  topic.live.join(subscriber, read);
  expect(kinds(sink)).toEqual(['confirmed']);
  topic.mayDeliver = true;
  await topic.live.catchUp();
  topic.receive(3);
  await turn();
  topic.receive(4);
  expect(offsets(sink)).toEqual([1, 2, 3, 4]);
  expect(kinds(sink)).not.toContain('ended');
});
