import { DrizzleQueryError } from 'drizzle-orm';
import { readMigrationFiles } from 'drizzle-orm/migrator';
import { drizzle } from 'drizzle-orm/node-postgres';
import { migrate } from 'drizzle-orm/node-postgres/migrator';
import type { Client, Pool } from 'pg';
import type { Logger } from 'pino';
import { StartError } from '../../live/errors/sallyport.errors.js';
import type { StoreHealth } from '../../live/store/store-health.js';
import { poolConnections } from '../../live/store/store-connections.js';
import { makePool, NO_LIMITS, onFirstConnection } from '../../live/store/postgres/postgres-connections.js';
import { isDatabaseUnavailable, startFault } from '../../live/store/postgres/postgres-failure.js';
import { databasePlace } from '../../live/store/postgres/postgres-url.js';
import { Database, type Orm, MIGRATIONS, TABLES } from './database.js';
import * as schema from './schema.js';

/** An arbitrary number that is the same on every node. */
const MIGRATION_LOCK = 0x5a11_0b07;
const WAITING = `waiting to migrate the accounts: another session of the database holds the advisory lock ${MIGRATION_LOCK}, such as a node that migrates them now`;
/** How long it waits for another node without a word, in milliseconds. */
const SLOW_MS = 10_000;
const POOL = { size: 10, name: 'sallyport' };

/** The options for opening it. */
export interface PostgresOptions {
  /** Notified of failures. Default: none. */
  readonly health?: StoreHealth;
  /** How long to retry an unavailable database at start, in ms. Default 30,000; only tests change it. */
  readonly retryForMs?: number;
}

/**
 * Opens PostgreSQL and brings its schema up to date. Nodes that start together migrate one after the other.
 *
 * @throws StartError when the database stays unavailable, refuses the credentials or cannot be migrated
 */
export async function openPostgres(url: string, logger: Logger, options: PostgresOptions = {}): Promise<Database> {
  try {
    await onFirstConnection(url, logger, options.retryForMs ?? 30_000, async (client) => {
      if (!(await isMigrated(client))) await migrateAlone(client, logger);
      await requireOwnTables(client);
    });
  } catch (error) {
    if (error instanceof StartError) throw error;
    throw new StartError(explain(error, url), { cause: error });
  }
  const pool = makePool(url, POOL, logger);
  options.health?.showConnections(() => poolConnections(pool));
  return new Database(drizzle(pool, { schema }) as Orm, {
    close: () => pool.end(),
    transact: (work) => transactOn(pool, work),
    health: options.health,
  });
}

/**
 * A transaction on its own connection, which is closed instead of reused if the transaction failed because of the
 * database.
 */
async function transactOn<T>(pool: Pool, work: (orm: Orm) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let isBroken = false;
  try {
    return await drizzle(client, { schema }).transaction((orm) => work(orm as Orm));
  } catch (error) {
    isBroken = isDatabaseUnavailable(error);
    throw error;
  } finally {
    client.release(isBroken);
  }
}

/** Whether every migration was applied. Drizzle would ask for the right to create its schema, which is there. */
async function isMigrated(client: Client): Promise<boolean> {
  const { rows: found } = await client.query("select 1 where to_regclass('drizzle.__drizzle_migrations') is not null");
  if (found.length === 0) return false;
  const { rows } = await client.query<{ last: string }>(
    'select max(created_at) as last from drizzle.__drizzle_migrations',
  );
  return Number(rows[0]?.last) >= (readMigrationFiles(MIGRATIONS).at(-1)?.folderMillis ?? 0);
}

async function migrateAlone(client: Client, logger: Logger): Promise<void> {
  // All in one transaction, which the migrator commits: a pooler in transaction mode may send the next one over another
  // connection, and would keep a lock of the session there.
  await client.query('begin isolation level read committed');
  await client.query(NO_LIMITS, [true]);
  // Any session of the database can hold this lock, not only another node's.
  const reminder = setTimeout(() => logger.warn(WAITING), SLOW_MS);
  await client
    .query('select pg_catalog.pg_advisory_xact_lock($1::bigint)', [MIGRATION_LOCK])
    .finally(() => clearTimeout(reminder));
  // The migrations name this schema. The default, "$user", is another one where a schema is named like the user.
  await client.query('set local search_path to public');
  await migrate(drizzle(client), MIGRATIONS);
}

/** Queries name no schema, so a search_path may lead them to tables of others, or to none. */
async function requireOwnTables(client: Client): Promise<void> {
  const { rows } = await client.query<{ names: string | null }>(
    `select string_agg(name, ', ') as names from unnest($1::text[]) as name
     where to_regclass(quote_ident(name)) is distinct from to_regclass('public.' || quote_ident(name))`,
    [TABLES],
  );
  const names = rows[0]?.names;
  if (names)
    throw new StartError(
      `The search_path of the user of DATABASE_URL does not lead to these tables in the schema public: ${names}. ` +
        'Change it: alter role … set search_path = public.',
    );
}

function explain(error: unknown, url: string): string {
  // Drizzle's own message is the statement.
  const said = error instanceof DrizzleQueryError ? error.cause : error;
  const reason = said instanceof Error ? said.message || String((said as NodeJS.ErrnoException).code) : 'unknown';
  const where = databasePlace(url);
  return (
    startFault(error, where) ??
    `The database at ${where} cannot be used (${reason.split('\n')[0] ?? reason}): check DATABASE_URL and the privileges of its user.`
  );
}
