import type { TopicDefinition } from '../../live/topics/topic.js';

/** Notifications of each viewer. A client that comes back within five minutes, on whichever device, has missed nothing. */
export const NOTIFICATIONS: TopicDefinition = {
  name: 'notifications',
  field: 'notifications',
  historySize: 100,
  historySeconds: 300,
  onSubscribe: 'history',
  slowReader: 'close',
};
