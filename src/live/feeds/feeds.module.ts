import { Module } from '@nestjs/common';
import { FeedRegistry } from './feed.registry.js';
import { StoreModule } from '../store/store.module.js';
import { OwnerTopics } from './owner-topics.js';

/** The feeds of this server, and the store that keeps their topics. */
@Module({
  imports: [StoreModule],
  providers: [FeedRegistry, OwnerTopics],
  exports: [StoreModule, FeedRegistry, OwnerTopics],
})
export class FeedsModule {}
