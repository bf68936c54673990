import { randomUUID } from 'node:crypto';
import { defineFeed } from '../../live/feeds/feed.js';
import { Notification } from './notification.model.js';

/**
 * Each viewer's last 100 notifications, kept for five minutes: a client that reconnects in that time, on any device, gets
 * those that it missed.
 */
export const NotificationsFeed = defineFeed<Notification>({
  name: 'notifications',
  field: 'notifications',
  type: Notification,
  description: 'Your recent notifications, oldest first, then new ones as they arrive.',
  history: { events: 100, seconds: 300 },
  onSubscribe: 'history',
  slowReader: 'close',
  defaults: () => ({ id: randomUUID(), createdAt: new Date().toISOString() }),
});
