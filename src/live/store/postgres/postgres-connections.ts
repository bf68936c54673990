import { setTimeout as delay } from 'node:timers/promises';
import { Client, type ClientBase, Pool } from 'pg';
import type { Logger } from 'pino';
import { StartError } from '../../errors/sallyport.errors.js';
import { databaseFailure, isDatabaseUnavailable, NotConnected } from './postgres-failure.js';
import { databasePlace } from './postgres-url.js';

/** How long connecting may take, in milliseconds. */
export const CONNECT_TIMEOUT_MS = 3_000;
/**
 * The query timeout; a database that is slower counts as unavailable. The client waits a second longer for the server's
 * own error. In milliseconds.
 */
export const QUERY_TIMEOUT_MS = 4_000;
/** Sent when a connection starts. Not every pooler accepts them. */
const LIMITS = { statement_timeout: QUERY_TIMEOUT_MS, idle_in_transaction_session_timeout: QUERY_TIMEOUT_MS } as const;
const RETRY_EVERY_MS = 1_000;
/** Lifts the limits that a role or a database may have: a migration, or waiting for one, may take long. $1: only in this transaction */
export const NO_LIMITS = `select pg_catalog.set_config(name, '0', $1::boolean) from pg_catalog.pg_settings where name in
  ('statement_timeout', 'lock_timeout', 'transaction_timeout', 'idle_in_transaction_session_timeout')`;
/** Sent first on each connection that stays open: a role or a database may end those that are idle (PostgreSQL 14). */
export const NO_IDLE_LIMIT = `select pg_catalog.set_config('idle_session_timeout', '0', false)
  where pg_catalog.current_setting('idle_session_timeout', true) is not null`;
/** Sent first on each connection: the driver reads dates in this form only, and a role or a database may set another. */
export const READABLE_DATES = 'set datestyle = iso';
/** The same for a pool's connections: with array_nulls off, a null in an array would arrive as text. */
const FIRST_STATEMENTS = `${READABLE_DATES}; set array_nulls = on; ${NO_IDLE_LIMIT}`;

/** What differs between pools. */
export interface PoolOptions {
  /** The most connections. */
  readonly size: number;
  /** The name in `pg_stat_activity`. */
  readonly name: string;
}

/** Makes a pool whose queries end within 5 seconds. It connects when it is used; {@link NotConnected} if it cannot. */
export function makePool(url: string, { size, name }: PoolOptions, logger: Logger): Pool {
  const pool = new Pool({
    connectionString: url,
    max: size,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: QUERY_TIMEOUT_MS + 1_000,
    ...LIMITS,
    keepAlive: true,
    application_name: name,
    onConnect: prepareConnection,
    Client: NodeClient,
  });
  pool.on('error', (error) => logger.warn({ reason: error.message }, 'an idle database connection broke'));
  // A connection that breaks between two queries emits an error; without a listener it would end the process.
  pool.on('connect', (client) => client.on('error', ignore));
  return pool;
}

/**
 * Works on a connection of its own at start. It has a pool's limits, which a migration, or waiting for another node's,
 * lifts with {@link NO_LIMITS}. Retries every second, with one line in the log, while the database is unavailable, or
 * takes no writes and the work has to write: a standby may be about to be promoted.
 *
 * @param retryForMs when it gives up, in milliseconds
 * @param work may be called again after it has failed
 * @throws StartError when a pooler does not accept the limits; else what the last attempt failed with
 */
export async function onFirstConnection(
  url: string,
  logger: Logger,
  retryForMs: number,
  work: (client: Client) => Promise<void>,
): Promise<void> {
  const deadlineAtMs = performance.now() + retryForMs;
  for (let attempt = 1; ; attempt += 1) {
    const client = new Client({ connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT_MS, ...LIMITS });
    client.on('error', ignore);
    try {
      await client.connect();
      await work(client);
      return await client.end();
    } catch (error) {
      client.end().catch(ignore);
      if (/unsupported startup parameter/.test(String(error)))
        throw new StartError(
          `PgBouncer at ${databasePlace(url)} refuses connections with limits: set its ignore_startup_parameters = ${Object.keys(LIMITS).join(', ')}.`,
        );
      if (!isDatabaseUnavailable(error) || performance.now() + RETRY_EVERY_MS > deadlineAtMs) throw error;
      if (attempt === 1) {
        const reason = databaseFailure(error)?.reason;
        logger.warn({ database: databasePlace(url), reason }, 'the database cannot be used yet: trying every second');
      }
      await delay(RETRY_EVERY_MS);
    }
  }
}

/**
 * Tells a failure to connect apart from what a statement fails with. Drizzle takes a client with "Pool" in the name of
 * its class for a pool.
 */
class NodeClient extends Client {
  override connect(): Promise<Client>;
  override connect(done: (error: Error) => void): void;
  override connect(done?: (error: Error) => void): Promise<Client> | void {
    if (!done) return super.connect().catch(notConnected);
    super.connect((error: Error | null) => done((error && new NotConnected(error)) as Error));
  }
}

/** @throws NotConnected with what connecting failed with */
export function notConnected(error: unknown): never {
  throw new NotConnected(error);
}

/** The pool waits for it, which the pool's type does not say. */
const prepareConnection = ((client: ClientBase) => client.query(FIRST_STATEMENTS)) as (client: ClientBase) => void;

/** The next query fails and reports it to its caller. */
export function ignore(): void {}
