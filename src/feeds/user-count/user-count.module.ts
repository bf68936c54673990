import { Module } from '@nestjs/common';
import { FeedModule } from '../../live/feeds/feed.module.js';
import { FeedsModule } from '../../live/feeds/feeds.module.js';
import { UserCountFeed } from './user-count.feed.js';
import { UserCountWorker } from './user-count.worker.js';

/** The `userCount` feed, and the worker that publishes to it. */
@Module({ imports: [FeedModule.of(UserCountFeed), FeedsModule], providers: [UserCountWorker] })
export class UserCountModule {}
