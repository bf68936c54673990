import { Module, type OnModuleInit } from '@nestjs/common';
import { FeedRegistry } from '../../live/feeds/feed.registry.js';
import { NOTIFICATIONS_FEED } from './notifications.feed.js';
import { NotificationsResolver } from './notifications.resolver.js';

/** The `notifications` feed: published by other backends only. */
@Module({ providers: [NotificationsResolver] })
export class NotificationsModule implements OnModuleInit {
  constructor(private readonly feeds: FeedRegistry) {}

  onModuleInit(): void {
    this.feeds.register(NOTIFICATIONS_FEED);
  }
}
