import { Client } from 'pg';
import { APPEND_SCHEMA } from './append-schema.js';
import { DEFINITION_SCHEMA } from './definition-schema.js';
import { IDENTITY_SCHEMA } from './identity-schema.js';
import { OUTBOX_LITERALS, OUTBOX_SCHEMA } from './outbox-schema.js';
import { OUTBOX_ROLES_SCHEMA } from './outbox-roles-schema.js';
import { OUTBOX_START_SCHEMA } from './outbox-start-schema.js';
import { PORT_SCHEMA } from './port-schema.js';
import { NO_LIMITS } from './postgres-connections.js';
import { SWEEP_SCHEMA } from './sweep-schema.js';
import { TOPIC_SCHEMA } from './topic-schema.js';
import { TRACE_SCHEMA } from './trace-schema.js';

/** One step of the schema `sallyport`. Steps are applied once, in this order, and never changed after a release. */
export interface Migration {
  /** Its name in `sallyport.migration`. */
  readonly name: string;
  readonly sql: string;
}

const MIGRATIONS: readonly Migration[] = [
  { name: 'topics', sql: TOPIC_SCHEMA },
  { name: 'ports', sql: PORT_SCHEMA },
  { name: 'outbox', sql: OUTBOX_SCHEMA },
  { name: 'traces', sql: TRACE_SCHEMA },
  { name: 'definitions', sql: DEFINITION_SCHEMA },
  { name: 'sweeps by any clock', sql: SWEEP_SCHEMA },
  { name: 'outbox start', sql: OUTBOX_START_SCHEMA },
  { name: 'outbox literals', sql: OUTBOX_LITERALS },
  { name: 'outbox beside other roles', sql: OUTBOX_ROLES_SCHEMA },
  { name: 'keys of an epoch', sql: APPEND_SCHEMA },
  { name: 'restored copies', sql: IDENTITY_SCHEMA },
];

const BOOKKEEPING = `
create schema if not exists sallyport;
create table if not exists sallyport.migration (
  name text primary key,
  applied_at timestamptz not null default now()
)`;
/** SQLSTATEs that the slower of two nodes gets when both create the same schema or table. */
const CREATED_MEANWHILE = /^(23505|42710|42P06|42P07)$/;

/**
 * Brings the schema `sallyport` up to date. Nodes that start together do so one after the other. Each step is applied
 * whole or not at all. Nodes wait for each other at a table, because every user of the database can take an advisory
 * lock.
 *
 * @param client a connection of its own: waiting for another node may take long
 * @throws what PostgreSQL reports, such as missing privileges
 */
export async function migrateStore(client: Client): Promise<void> {
  if (!(await isThere(client))) await createBookkeeping(client);
  const known = await applied(client);
  const missing = MIGRATIONS.filter(({ name }) => !known.has(name));
  if (missing.length === 0) return;
  // With another level it would see the steps as they were before it has waited.
  await client.query('begin isolation level read committed');
  try {
    await client.query('set local search_path = pg_catalog, pg_temp');
    await client.query(NO_LIMITS, [true]);
    await client.query('lock table sallyport.migration in exclusive mode');
    const appliedMeanwhile = await applied(client);
    for (const { name, sql } of missing) {
      if (appliedMeanwhile.has(name)) continue;
      await client.query(sql);
      await client.query('insert into sallyport.migration (name) values ($1)', [name]);
    }
    await client.query('revoke execute on all functions in schema sallyport from public');
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}

async function isThere(client: Client): Promise<boolean> {
  const { rows } = await client.query("select 1 where to_regclass('sallyport.migration') is not null");
  return rows.length > 0;
}

/** Only if it is missing, for users without the privilege to do so. */
async function createBookkeeping(client: Client): Promise<void> {
  try {
    await client.query(BOOKKEEPING);
  } catch (error) {
    if (!CREATED_MEANWHILE.test(String((error as { code?: unknown }).code))) throw error;
    await createBookkeeping(client);
  }
}

/** The names of the applied steps. */
async function applied(client: Client): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<{ name: string }>('select name from sallyport.migration');
  return new Set(rows.map(({ name }) => name));
}
