import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { OutboxConfig } from '../../live.config.js';
import { preparePostgres } from '../../store/postgres/open-postgres.js';
import type { StoreMetrics } from '../../store/store-health.js';
import { Outbox } from './outbox.js';
import { OutboxMetrics } from './outbox.metrics.js';
import { OutboxPublisher, type OutboxTarget } from './outbox-publisher.js';
import { OutboxRelay } from './outbox.relay.js';

/** Where the relay reports to. */
interface Observers {
  readonly registry: Registry;
  readonly stores: StoreMetrics;
  readonly logger: Logger;
}

/**
 * Brings the schema `sallyport` up to date, and makes a relay; see {@link OutboxRelay.start}.
 *
 * @throws StartError when PostgreSQL is unavailable, or refuses the credentials or the migration
 */
export async function openRelay(
  config: OutboxConfig,
  target: OutboxTarget,
  { registry, stores, logger }: Observers,
): Promise<OutboxRelay> {
  const address = await preparePostgres(config, logger);
  return new OutboxRelay({
    open: (called) => Outbox.connect(config, called),
    publisher: new OutboxPublisher(target, logger),
    metrics: new OutboxMetrics(registry),
    health: stores.watch('outbox', 'The outbox', address),
    logger,
  });
}
