import { Inject, Module, type OnApplicationBootstrap } from '@nestjs/common';
import { DatabaseModule } from '../../identity/database/database.module.js';
import { StoreModule } from '../../live/store/store.module.js';
import { AnnouncedViewers } from './announced-viewers.store.js';
import { PresenceWatcher } from './presence-watcher.js';
import { WEBHOOK_CONFIG, type WebhookConfig } from './webhook.config.js';
import { WebhookMessagesModule } from './webhook-messages.module.js';
import { WebhookMetrics } from './webhook.metrics.js';
import { WebhookSender } from './webhook-sender.js';

/** `viewer.online` and `viewer.offline`, sent to `WEBHOOK_URL`. Does nothing without it. */
@Module({
  imports: [DatabaseModule, StoreModule, WebhookMessagesModule],
  providers: [AnnouncedViewers, WebhookMetrics, PresenceWatcher, WebhookSender],
})
export class WebhooksModule implements OnApplicationBootstrap {
  constructor(
    private readonly watcher: PresenceWatcher,
    private readonly sender: WebhookSender,
    @Inject(WEBHOOK_CONFIG) private readonly config: WebhookConfig,
  ) {}

  onApplicationBootstrap(): void {
    if (this.config.url === null) return;
    this.watcher.start();
    this.sender.start(this.config.url);
  }
}
