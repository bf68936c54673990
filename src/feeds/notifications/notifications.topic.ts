import type { TopicDefinition } from '../../topics/topic.js';

/** Notifications of each viewer: whoever comes back within five minutes has missed nothing. */
export const NOTIFICATIONS: TopicDefinition = {
  name: 'notifications',
  field: 'notifications',
  historySize: 100,
  historySeconds: 300,
  onSubscribe: 'nothing',
  slowReader: 'close',
};
