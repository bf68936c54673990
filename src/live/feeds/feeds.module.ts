import { Module } from '@nestjs/common';
import { FeedFields } from './feed-fields.js';
import { FeedRegistry } from './feed.registry.js';
import { StoreModule } from '../store/store.module.js';
import { OwnerTopics } from './owner-topics.js';

/** The feeds of this server, and the store that keeps their topics. */
@Module({
  imports: [StoreModule],
  providers: [FeedRegistry, FeedFields, OwnerTopics],
  exports: [StoreModule, FeedRegistry, OwnerTopics],
})
export class FeedsModule {}
