import { expect, it } from 'vitest';
import type { FeedRegistry } from '../../live/feeds/feed.registry.js';
import type { HistoryRange, TopicBus } from '../../live/topics/topic.bus.js';
import { TopicLookUp } from './topic-look-up.js';

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
