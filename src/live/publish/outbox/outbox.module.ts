import {
  type BeforeApplicationShutdown,
  Inject,
  Module,
  type OnApplicationBootstrap,
  type Provider,
} from '@nestjs/common';
import type { Logger } from 'pino';
import { FeedsModule } from '../../feeds/feeds.module.js';
import { OUTBOX_CONFIG, type OutboxConfig, STORE_CONFIG, type StoreConfig } from '../../live.config.js';
import { LOGGER } from '../../logging/logger.js';
import { StoreHealthModule } from '../../store/store-health.module.js';
import { StoreMetrics } from '../../store/store-health.js';
import { TopicBus } from '../../topics/topic.bus.js';
import { EventChecker } from '../event-checker.js';
import { PublisherModule } from '../publisher.module.js';
import type { OutboxRelay } from './outbox.relay.js';
import { MetricsRegistry } from '../../metrics-registry.js';

/** Injection token of the {@link OutboxRelay}; null where nobody publishes by SQL. */
const OUTBOX_RELAY = Symbol('OUTBOX_RELAY');

/** PostgreSQL's client library is loaded only where it is used. */
const RELAY: Provider = {
  provide: OUTBOX_RELAY,
  useFactory: async (
    config: OutboxConfig | null,
    store: StoreConfig,
    checker: EventChecker,
    bus: TopicBus,
    registry: MetricsRegistry,
    stores: StoreMetrics,
    logger: Logger,
  ): Promise<OutboxRelay | null> => {
    if (config === null) return null;
    const { openRelay } = await import('./open-relay.js');
    const target = { checker, bus, removesRows: store.kind === 'postgres' };
    return openRelay(config, target, { registry, stores, logger });
  },
  inject: [OUTBOX_CONFIG, STORE_CONFIG, EventChecker, TopicBus, MetricsRegistry, StoreMetrics, LOGGER],
};

/** Publishes what other backends publish by SQL, inside their own transactions. */
@Module({ imports: [PublisherModule, FeedsModule, StoreHealthModule], providers: [RELAY] })
export class OutboxModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  constructor(@Inject(OUTBOX_RELAY) private readonly relay: OutboxRelay | null) {}

  /** Every feed is registered by now: before, its events would be rejected. */
  onApplicationBootstrap(): void {
    this.relay?.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.relay?.stop();
  }
}
