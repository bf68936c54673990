import { Int } from '@nestjs/graphql';
import { ValidateBy } from 'class-validator';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { defineFeed } from '../feeds/feed.js';
import { FeedRegistry } from '../feeds/feed.registry.js';
import { MetricsRegistry } from '../metrics-registry.js';
import { MemoryTopicBus } from '../store/memory/topic.bus.memory.js';
import { DeliveryGate } from '../topics/delivery-gate.js';
import { EventChecker } from './event-checker.js';
import { PublishMetrics } from './publish.metrics.js';
import { Publisher } from './publisher.service.js';

class Order {
  @ValidateBy({ name: 'isOrder', validator: { validate: (value: string) => value.startsWith('order-') } })
  id!: string;
}

const options = { history: { events: 1, seconds: 60 }, onSubscribe: 'nothing', slowReader: 'close' } as const;
const feeds = new FeedRegistry();
feeds.register(defineFeed<Order>({ ...options, name: 'order', field: 'order', type: Order }));
feeds.register(defineFeed<number>({ ...options, name: 'count', field: 'count', type: Int }));

it('publishes the others when a rule of one feed throws, and logs its error', async () => {
  const lines: string[] = [];
  const logger = pino({}, { write: (line: string) => void lines.push(line) });
  const bus = new MemoryTopicBus(new DeliveryGate(null, logger));
  const publisher = new Publisher(
    new EventChecker(feeds, () => null, logger),
    bus,
    new PublishMetrics(new MetricsRegistry()),
  );
  const viewer = 'external:app:ada';
  const events = [
    { topic: 'order', viewer, payload: { id: 7 } },
    { topic: 'order', viewer, payload: { id: 'order-7' } },
    { topic: 'count', viewer, payload: 7 },
  ];
  const { results } = await publisher.publish(events, { id: 'app' });
  const published = { cursor: expect.any(String) as string };
  const failed = { error: { code: 'INTERNAL_SERVER_ERROR', message: expect.stringContaining('log') as string } };
  expect(results).toEqual([failed, published, published]);
  expect(lines).toEqual([expect.stringContaining('value.startsWith is not a function')]);
});
