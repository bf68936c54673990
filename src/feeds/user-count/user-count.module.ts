import { Module, type OnModuleInit } from '@nestjs/common';
import { FeedRegistry } from '../../live/feeds/feed.registry.js';
import { USER_COUNT_FEED } from './user-count.feed.js';
import { UserCountResolver } from './user-count.resolver.js';
import { UserCountWorker } from './user-count.worker.js';

/** The `userCount` feed. Copy this folder to add one of your own: docs/feeds.md. */
@Module({ providers: [UserCountResolver, UserCountWorker] })
export class UserCountModule implements OnModuleInit {
  constructor(private readonly feeds: FeedRegistry) {}

  onModuleInit(): void {
    this.feeds.register(USER_COUNT_FEED);
  }
}
