import { Int } from '@nestjs/graphql';
import { defineFeed } from '../../live/feeds/feed.js';

/** A number for each viewer; only the newest matters. */
export const UserCountFeed = defineFeed<number>({
  name: 'user_count',
  field: 'userCount',
  type: Int,
  description: 'A random number from 1 to 10 every few seconds, starting with the latest.',
  history: { events: 1, seconds: 3600 },
  onSubscribe: 'last-event',
  slowReader: 'keep-latest',
});
