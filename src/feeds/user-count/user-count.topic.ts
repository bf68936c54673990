import type { TopicDefinition } from '../../live/topics/topic.js';

/** The seed's feed: a number for each viewer. Only the newest one matters. */
export const USER_COUNT: TopicDefinition = {
  name: 'user_count',
  field: 'userCount',
  historySize: 1,
  historySeconds: 3600,
  onSubscribe: 'last-event',
  slowReader: 'keep-latest',
};
