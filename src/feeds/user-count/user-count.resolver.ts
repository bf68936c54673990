import { Int, Resolver, Subscription } from '@nestjs/graphql';
import { TopicBus } from '../../live/topics/topic.bus.js';
import { topicOf } from '../../live/topics/topic.js';
import { TopicStream } from '../../live/topics/topic-stream.js';
import { CurrentViewer } from '../../live/viewer/current-viewer.js';
import type { Viewer } from '../../live/viewer/viewer.js';
import { USER_COUNT } from './user-count.topic.js';

/** `subscription { userCount }`: the viewer's own numbers, nobody else's. */
@Resolver()
export class UserCountResolver {
  constructor(private readonly bus: TopicBus) {}

  @Subscription(() => Int, {
    description: 'A random number from 1 to 10 for you, every few seconds: the last one first.',
  })
  userCount(@CurrentViewer() viewer: Viewer): TopicStream<number> {
    return new TopicStream(this.bus, topicOf(USER_COUNT, viewer.id));
  }
}
