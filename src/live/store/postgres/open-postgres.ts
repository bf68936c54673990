import { Client, type Pool } from 'pg';
import type { Logger } from 'pino';
import { StartError, UnavailableError } from '../../errors/sallyport.errors.js';
import type { StoreSettings } from '../../live.config.js';
import { migrateStore } from './migrations.js';
import { CONNECT_TIMEOUT_MS, ignore, makePool, onFirstConnection, QUERY_TIMEOUT_MS } from './postgres-connections.js';
import { ReadOnlyDatabase, startFault } from './postgres-failure.js';
import { databasePlace } from './postgres-url.js';

/** How long a start waits for PostgreSQL before it fails, in milliseconds. */
const START_TIMEOUT_MS = 30_000;
/** Publishing takes turns and everything else is short, so few connections serve a node. */
const POOL = { size: 5, name: 'sallyport-store' };
const VARIABLES: StoreSettings = { url: 'DATABASE_URL', instead: 'set STORE=memory to run one node' };

/** Where the store is. */
export interface PostgresPlace {
  /** A `postgres://` URL; PgBouncer in transaction mode works too. */
  readonly url: string;
  /** The same database for the connection that listens, which a pooler must keep for one node. Default: `url`. */
  readonly listenUrl?: string | undefined;
  /** What messages call it. Default: the variables of the stand-alone server. */
  readonly settings?: StoreSettings;
}

/** The connections to one PostgreSQL. */
export interface PostgresLink {
  readonly pool: Pool;
  /** Opens a connection of its own, not yet connected. */
  openListener(): Client;
  /** Host, port and database for log lines, never the user or the password. */
  readonly address: string;
}

/**
 * Opens PostgreSQL and brings the schema `sallyport` up to date. Tries for 30 seconds with one line in the log.
 *
 * @throws StartError that names address and cause when it stays unavailable, refuses the credentials or the migration
 */
export async function openPostgresStore(place: PostgresPlace, logger: Logger): Promise<PostgresLink> {
  const address = await preparePostgres(place, logger, async (client) => {
    await requirePrimary(client);
    await requireReadCommitted(client, place);
  });
  return {
    pool: makePool(place.url, POOL, logger),
    openListener: () => makeListener(place, 'sallyport-listener'),
    address,
  };
}

/**
 * Brings the schema `sallyport` up to date, and returns the address for log lines.
 *
 * @param check must pass first. Default: none
 * @throws StartError as {@link openPostgresStore}
 */
export async function preparePostgres(
  place: PostgresPlace,
  logger: Logger,
  check?: (client: Client) => Promise<void>,
): Promise<string> {
  const address = databasePlace(place.url);
  try {
    await onFirstConnection(place.listenUrl ?? place.url, logger, START_TIMEOUT_MS, async (client) => {
      await check?.(client);
      await migrateStore(client);
    });
  } catch (error) {
    throw startErrorOf(error, place);
  }
  return address;
}

/** What an operator is told when PostgreSQL cannot be used at the start. */
export function startErrorOf(error: unknown, { url, settings }: PostgresPlace): StartError {
  if (error instanceof StartError) return error;
  return new StartError(explain(error, databasePlace(url), settings), { cause: error });
}

/** A connection of its own for notifications and locks, not yet connected. @param name for `pg_stat_activity` */
export function makeListener({ url, listenUrl = url }: PostgresPlace, name: string): Client {
  const client = new Client({
    connectionString: listenUrl,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS,
    keepAlive: true,
    application_name: name,
  });
  client.on('error', ignore);
  return client;
}

/** @throws ReadOnlyDatabase at a standby, where nobody can listen */
async function requirePrimary(client: Client): Promise<void> {
  const { rowCount } = await client.query('select 1 where pg_is_in_recovery()');
  if (rowCount !== 0) throw new ReadOnlyDatabase();
}

/** With another level, publishing reads a topic as it was before the nodes that it has waited for. */
async function requireReadCommitted(client: Client, { settings = VARIABLES }: PostgresPlace): Promise<void> {
  const { rows } = await client.query<{ level: string }>("select current_setting('transaction_isolation') as level");
  const level = rows[0]?.level;
  if (!level?.startsWith('read '))
    throw new StartError(
      `The user of ${settings.url} has the default_transaction_isolation '${level}', with which events would be lost. ` +
        "Change it: alter role … set default_transaction_isolation = 'read committed'.",
    );
}

function explain(error: unknown, address: string, { url, instead } = VARIABLES): string {
  const said = error instanceof UnavailableError ? error.cause : error;
  const reason = said instanceof Error ? said.message || String((said as NodeJS.ErrnoException).code) : 'unknown';
  return (
    startFault(error, address, url) ??
    `The database at ${address} cannot be used as the store (${reason.split('\n')[0] ?? reason}): check ${url} and the privileges of its user, or ${instead}.`
  );
}
