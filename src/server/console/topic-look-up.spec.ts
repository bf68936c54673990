import { pino } from 'pino';
import { expect, it } from 'vitest';
import type { FeedRegistry } from '../../live/feeds/feed.registry.js';
import { MemoryTopicBus } from '../../live/store/memory/topic.bus.memory.js';
import { DeliveryGate } from '../../live/topics/delivery-gate.js';
import { type TopicDefinition, topicOf } from '../../live/topics/topic.js';
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
