import { pino } from 'pino';
import { expect, it } from 'vitest';
import type { FeedRegistry } from '../../live/feeds/feed.registry.js';
import { MemoryTopicBus } from '../../live/store/memory/topic.bus.memory.js';
import { DeliveryGate } from '../../live/topics/delivery-gate.js';
import { type TopicDefinition, topicOf } from '../../live/topics/topic.js';
import type { HistoryRange, TopicBus } from '../../live/topics/topic.bus.js';
import { TopicLookUp } from './topic-look-up.js';

const topic: TopicDefinition = {
  name: 'numbers',
  field: 'number',
  historySize: 2000,
  historySeconds: 60,
  onSubscribe: 'nothing',
  slowReader: 'close',
};

it.each([
  [0, 0, true],
  [100, 100, true],
  [1000, 1000, true],
  [1001, 1000, false],
])('of %i events %i are counted, and that is all: %s', async (published, events, isWhole) => {
  const bus = new MemoryTopicBus(new DeliveryGate(null, pino({ level: 'silent' })));
  await bus.publish(Array.from({ length: published }, (_, payload) => ({ topic: topicOf(topic, 'user:1'), payload })));
  const feeds = { names: [topic.name], find: () => ({ topic }) } as unknown as FeedRegistry;
  expect(await new TopicLookUp(feeds, bus).all('user:1')).toMatchObject([{ events, isWhole }]);
  bus.beforeApplicationShutdown();
});

it('shows the newest events of a long history', async () => {
  const all = Array.from({ length: 2_500 }, (_, index) => ({ cursor: String(index), payload: index }));
  const history = async (_: unknown, { limit, after }: HistoryRange) => {
    const from = after === undefined ? 0 : Number(after) + 1;
    return { events: all.slice(from, from + limit) };
  };
  const feeds = { find: () => ({ topic: { name: 'orders', historySize: 5_000 } }) };
  const lookUp = new TopicLookUp(feeds as unknown as FeedRegistry, { history } as unknown as TopicBus);
  const shown = await lookUp.newest('external:acme:1', 'orders');
  expect(shown.map(({ payload }) => payload)).toEqual(Array.from({ length: 50 }, (_, index) => 2_499 - index));
});
