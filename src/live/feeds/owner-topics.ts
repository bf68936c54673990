import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { UnavailableError } from '../errors/sallyport.errors.js';
import type { ViewerId } from '../viewer/viewer.js';
import { LOGGER } from '../logging/logger.js';
import { FeedRegistry } from './feed.registry.js';
import { TopicBus } from '../topics/topic.bus.js';
import { topicOf } from '../topics/topic.js';

/** All topics of one owner, in every feed. */
@Injectable()
export class OwnerTopics {
  constructor(
    private readonly feeds: FeedRegistry,
    private readonly bus: TopicBus,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Deletes what was published for a deleted viewer. Where the store is unavailable, a feed's history stays until it
   * expires, which is logged.
   */
  async forget(owner: ViewerId): Promise<void> {
    const kept: string[] = [];
    for (const definition of this.feeds.definitions)
      await this.bus.forget(topicOf(definition, owner)).catch((error: unknown) => {
        if (!(error instanceof UnavailableError)) throw error;
        kept.push(definition.name);
      });
    if (kept.length > 0)
      this.logger.warn(
        { viewer: owner, topics: kept },
        "a deleted viewer's history stays until it expires: the store is unavailable",
      );
  }
}
