import { randomUUID } from 'node:crypto';
import { checkObject } from '../../live/feeds/payload-check.js';
import type { PayloadVerdict, PublishableFeed } from '../../live/feeds/feed.registry.js';
import { Notification } from './notification.model.js';
import { NOTIFICATIONS } from './notifications.topic.js';

/** What others may publish into `notifications`. An absent `id` and `createdAt` are filled in. */
export const NOTIFICATIONS_FEED: PublishableFeed = {
  topic: NOTIFICATIONS,
  check(payload: unknown): PayloadVerdict {
    return checkObject(Notification, payload, { id: randomUUID(), createdAt: new Date().toISOString() });
  },
};
