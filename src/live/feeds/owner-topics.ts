import { Injectable } from '@nestjs/common';
import { UnavailableError } from '../errors/sallyport.errors.js';
import type { ViewerId } from '../viewer/viewer.js';
import { FeedRegistry } from './feed.registry.js';
import { TopicBus } from '../topics/topic.bus.js';
import { topicOf } from '../topics/topic.js';

/** All topics of one owner, in every feed. */
@Injectable()
export class OwnerTopics {
  constructor(
    private readonly feeds: FeedRegistry,
    private readonly bus: TopicBus,
  ) {}

  /**
   * Deletes what was published for a deleted viewer. While the store is unavailable nothing can be removed; the
   * histories then expire within minutes.
   */
  async forget(owner: ViewerId): Promise<void> {
    try {
      for (const definition of this.feeds.definitions) await this.bus.forget(topicOf(definition, owner));
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error;
    }
  }
}
