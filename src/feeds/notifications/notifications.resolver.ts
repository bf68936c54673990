import { Resolver, Subscription } from '@nestjs/graphql';
import { TopicBus } from '../../live/topics/topic.bus.js';
import { topicOf } from '../../live/topics/topic.js';
import { TopicStream } from '../../live/topics/topic-stream.js';
import { CurrentViewer } from '../../live/viewer/current-viewer.js';
import type { Viewer } from '../../live/viewer/viewer.js';
import { Notification } from './notification.model.js';
import { NOTIFICATIONS } from './notifications.topic.js';

/** `subscription { notifications { … } }`: what others published for this viewer. */
@Resolver(() => Notification)
export class NotificationsResolver {
  constructor(private readonly bus: TopicBus) {}

  @Subscription(() => Notification, {
    description: 'What has happened for you in the last minutes, oldest first, then what happens from now on.',
  })
  notifications(@CurrentViewer() viewer: Viewer): TopicStream<Notification> {
    return new TopicStream(this.bus, topicOf(NOTIFICATIONS, viewer.id));
  }
}
