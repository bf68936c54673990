import type { Client } from 'pg';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { OutboxConfig } from '../../live.config.js';
import { preparePostgres } from '../../store/postgres/open-postgres.js';
import type { StoreMetrics } from '../../store/store-health.js';
import { lacksPrivilege } from '../../store/postgres/postgres-failure.js';
import { Outbox } from './outbox.js';
import { OutboxMetrics } from './outbox.metrics.js';
import { OutboxPublisher, type OutboxTarget } from './outbox-publisher.js';
import { OutboxRelay } from './outbox.relay.js';

const NO_PRIVILEGE =
  'publishing by SQL is off: the user of DATABASE_URL may not create or change the schema sallyport. Grant it CREATE on the database, or run the command migrate as a user with this privilege';

/** The default before PostgreSQL 15. */
const ANYONE_MAY_CREATE = `select 1 from pg_namespace n
  where n.nspname = 'public' and has_schema_privilege('public', n.oid, 'create')`;
const PUBLIC_SCHEMA =
  'every role of the database may create functions in the schema public, which the statements of this server may then call: revoke create on schema public from public';

/** Where the relay reports to. */
interface Observers {
  readonly registry: Registry;
  readonly stores: StoreMetrics;
  readonly logger: Logger;
}

/**
 * Brings the schema `sallyport` up to date, and makes a relay; see {@link OutboxRelay.start}.
 *
 * @returns null, with a warning, where the database's user may not do this and the store does not need it either
 * @throws StartError when PostgreSQL is unavailable, or refuses the credentials or the migration
 */
export async function openRelay(
  config: OutboxConfig,
  target: OutboxTarget,
  { registry, stores, logger }: Observers,
): Promise<OutboxRelay | null> {
  try {
    let isPublicOpen = false;
    const address = await preparePostgres(config, logger, async (client) => {
      isPublicOpen = await mayAnyoneCreate(client);
    });
    if (isPublicOpen) logger.warn(PUBLIC_SCHEMA);
    return new OutboxRelay({
      open: (notified) => Outbox.connect(config, notified),
      publisher: new OutboxPublisher(target),
      metrics: new OutboxMetrics(registry),
      health: stores.watch('outbox', 'The outbox', address),
      logger,
    });
  } catch (error) {
    if (target.removesRows || !lacksPrivilege(error)) throw error;
    logger.warn(NO_PRIVILEGE);
    return null;
  }
}

/** Roles that publish by SQL should be able to do nothing else. */
async function mayAnyoneCreate(client: Client): Promise<boolean> {
  return (await client.query(ANYONE_MAY_CREATE)).rowCount !== 0;
}
