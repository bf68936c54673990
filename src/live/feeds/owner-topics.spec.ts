import { Int } from '@nestjs/graphql';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { UnavailableError } from '../errors/sallyport.errors.js';
import { MemoryTopicBus } from '../store/memory/topic.bus.memory.js';
import { DeliveryGate } from '../topics/delivery-gate.js';
import { type Topic, topicOf } from '../topics/topic.js';
import { defineFeed } from './feed.js';
import { FeedRegistry } from './feed.registry.js';
import { OwnerTopics } from './owner-topics.js';

const OWNER = 'external:app:ada';

/** Like a cluster that has lost the shard of one topic. */
class HalfTopicBus extends MemoryTopicBus {
  override async forget(topic: Topic): Promise<void> {
    if (topic.definition.name === 'first') throw new UnavailableError('store');
    return super.forget(topic);
  }
}

it('deletes the histories that the store can reach, and logs the others', async () => {
  const lines: unknown[] = [];
  const logger = pino({ base: null }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const feeds = new FeedRegistry();
  for (const name of ['first', 'second'])
    feeds.register(
      defineFeed<number>({
        name,
        field: name,
        type: Int,
        history: { events: 1, seconds: 60 },
        onSubscribe: 'nothing',
        slowReader: 'close',
      }),
    );
  const bus = new HalfTopicBus(new DeliveryGate(null, logger));
  const [first, second] = feeds.definitions.map((definition) => topicOf(definition, OWNER)) as [Topic, Topic];
  await bus.publish([first, second].map((topic) => ({ topic, payload: 1 })));
  await new OwnerTopics(feeds, bus, logger).forget(OWNER);
  expect((await bus.history(second, { limit: 1 })).events).toEqual([]);
  expect((await bus.history(first, { limit: 1 })).events).toHaveLength(1);
  expect(lines).toMatchObject([{ viewer: OWNER, topics: ['first'] }]);
  bus.beforeApplicationShutdown();
});
