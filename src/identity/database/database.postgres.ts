import { setTimeout as delay } from 'node:timers/promises';
import { drizzle } from 'drizzle-orm/node-postgres';
import { migrate } from 'drizzle-orm/node-postgres/migrator';
import { Client, Pool } from 'pg';
import type { Logger } from 'pino';
import { StartError } from '../../live/errors/sallyport.errors.js';
import type { StoreHealth } from '../../live/store/store-health.js';
import { databaseFailure, isDatabaseAway } from './database-away.js';
import { Database, type Orm, MIGRATIONS } from './database.js';
import * as schema from './schema.js';

/** Any number will do, as long as every node of this product takes the same one. */
const MIGRATION_LOCK = 0x5a11_0b07;
const POOL_SIZE = 10;
const CONNECT_TIMEOUT_MS = 3_000;
/** What takes longer counts as a database that is away; the client waits a second more for the server's own word. */
const QUERY_TIMEOUT_MS = 4_000;
const RETRY_EVERY_MS = 1_000;

/** How to open it. */
export interface PostgresOptions {
  /** Is told of failures. Default: nobody is. */
  readonly health?: StoreHealth;
  /** How long to keep trying a database that is away at start, in ms. Default 30,000; only tests change it. */
  readonly retryForMs?: number;
}

/**
 * Opens PostgreSQL and brings its schema up to date. Nodes that start together migrate one after the other.
 *
 * @throws StartError when the database stays away, refuses the credentials or cannot be migrated
 */
export async function openPostgres(url: string, logger: Logger, options: PostgresOptions = {}): Promise<Database> {
  try {
    const client = await firstConnection(url, logger, options.retryForMs ?? 30_000);
    await migrateAlone(client);
  } catch (error) {
    throw new StartError(explain(error, url), { cause: error });
  }
  const pool = makePool(url, logger);
  return new Database(drizzle(pool, { schema }) as Orm, {
    close: () => pool.end(),
    transact: (work) => transactOn(pool, work),
    health: options.health,
  });
}

/** A transaction on a connection of its own, which is closed, not used again, when the transaction ended because the database failed. */
async function transactOn<T>(pool: Pool, work: (orm: Orm) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let isBroken = false;
  try {
    return await drizzle(client, { schema }).transaction((orm) => work(orm as Orm));
  } catch (error) {
    isBroken = isDatabaseAway(error);
    throw error;
  } finally {
    client.release(isBroken);
  }
}

function makePool(url: string, logger: Logger): Pool {
  const pool = new Pool({
    connectionString: url,
    max: POOL_SIZE,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: QUERY_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS + 1_000,
    idle_in_transaction_session_timeout: QUERY_TIMEOUT_MS,
    keepAlive: true,
    application_name: 'sallyport',
  });
  pool.on('error', (error) => logger.warn({ reason: error.message }, 'an idle database connection broke'));
  // A connection that breaks between two queries of a transaction tells the client alone; unheard, it would end the process.
  pool.on('connect', (client) => client.on('error', ignore));
  return pool;
}

/** A connection of its own, without the pool's time limits: a migration, or waiting for another node's, may take long. */
async function firstConnection(url: string, logger: Logger, retryForMs: number): Promise<Client> {
  const deadline = performance.now() + retryForMs;
  for (let attempt = 1; ; attempt += 1) {
    const client = new Client({ connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
    client.on('error', ignore);
    try {
      await client.connect();
      return client;
    } catch (error) {
      if (!isDatabaseAway(error) || performance.now() + RETRY_EVERY_MS > deadline) throw error;
      if (attempt === 1) {
        const reason = databaseFailure(error)?.reason;
        logger.warn({ database: databasePlace(url), reason }, 'the database does not answer yet: trying every second');
      }
      await delay(RETRY_EVERY_MS);
    }
  }
}

/** The next query fails and tells its caller. */
function ignore(): void {}

async function migrateAlone(client: Client): Promise<void> {
  try {
    await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
    await migrate(drizzle(client), MIGRATIONS);
  } finally {
    // Closing the connection gives the lock back, whatever happened.
    await client.end();
  }
}

function explain(error: unknown, url: string): string {
  const reason = error instanceof Error ? error.message || String((error as NodeJS.ErrnoException).code) : 'unknown';
  const where = databasePlace(url);
  const failure = databaseFailure(error);
  return failure
    ? `The database at ${where} does not answer (${failure.reason}): start it, or correct DATABASE_URL.`
    : `The database at ${where} cannot be used (${reason.split('\n')[0] ?? reason}): check DATABASE_URL and the rights of its user.`;
}

/** Host, port and database of a URL: what an operator needs to know, without user and password. */
export function databasePlace(url: string): string {
  const { host, pathname } = new URL(url);
  return `${host || 'localhost'}${pathname}`;
}
