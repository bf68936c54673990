import { NotificationsFeed } from '../../src/feeds/notifications/notifications.feed.js';
import { UserCountFeed } from '../../src/feeds/user-count/user-count.feed.js';
import { TopicBus } from '../../src/live/topics/topic.bus.js';
import { topicOf } from '../../src/live/topics/topic.js';
import type { ViewerId } from '../../src/live/viewer/viewer.js';
import type { TestServer } from './server.js';

/** Publishes notifications with these titles, in this order. */
export async function notify(server: TestServer, viewer: ViewerId, ...titles: string[]): Promise<void> {
  const createdAt = new Date().toISOString();
  await server.app.get(TopicBus).publish(
    titles.map((title) => ({
      topic: topicOf(NotificationsFeed.topic, viewer),
      payload: { id: title, kind: 'test', title, createdAt },
    })),
  );
}

/** Publishes a user count, as the worker does. */
export async function publishCount(server: TestServer, viewer: ViewerId, ...values: number[]): Promise<void> {
  const topic = topicOf(UserCountFeed.topic, viewer);
  await server.app.get(TopicBus).publish(values.map((payload) => ({ topic, payload })));
}
