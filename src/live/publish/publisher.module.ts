import { Module } from '@nestjs/common';
import { FeedsModule } from '../feeds/feeds.module.js';
import { EventChecker } from './event-checker.js';
import { PublishMetrics } from './publish.metrics.js';
import { Publisher } from './publisher.service.js';

/** Publishes events that come from outside the feeds. */
@Module({
  imports: [FeedsModule],
  providers: [Publisher, EventChecker, PublishMetrics],
  exports: [Publisher, EventChecker],
})
export class PublisherModule {}
