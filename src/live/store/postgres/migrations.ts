import { Client } from 'pg';
import { DEFINITION_SCHEMA } from './definition-schema.js';
import { OUTBOX_LITERALS, OUTBOX_SCHEMA } from './outbox-schema.js';
import { OUTBOX_START_SCHEMA } from './outbox-start-schema.js';
import { PORT_SCHEMA } from './port-schema.js';
import { NO_LIMITS } from './postgres-connections.js';
import { SWEEP_SCHEMA } from './sweep-schema.js';
import { TOPIC_SCHEMA } from './topic-schema.js';
import { TRACE_SCHEMA } from './trace-schema.js';

/** An arbitrary number that is the same on every node. */
const MIGRATION_LOCK = 0x5a11_0b08;

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
];

const BOOKKEEPING = `
create schema if not exists sallyport;
create table if not exists sallyport.migration (
  name text primary key,
  applied_at timestamptz not null default now()
)`;

/**
 * Brings the schema `sallyport` up to date. Nodes that start together do so one after the other. Each step is applied
 * whole or not at all.
 *
 * @param client a connection of its own: waiting for another node may take long
 * @throws what PostgreSQL reports, such as missing rights
 */
export async function migrateStore(client: Client): Promise<void> {
  await client.query(NO_LIMITS, [false]);
  await client.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
  try {
    const known = await applied(client);
    for (const { name, sql } of MIGRATIONS) {
      if (known.has(name)) continue;
      await client.query('begin');
      try {
        await client.query(sql);
        await client.query('revoke execute on all functions in schema sallyport from public');
        await client.query('insert into sallyport.migration (name) values ($1)', [name]);
        await client.query('commit');
      } catch (error) {
        await client.query('rollback');
        throw error;
      }
    }
  } finally {
    await client.query('select pg_advisory_unlock($1)', [MIGRATION_LOCK]);
  }
}

/** The names of the applied steps. Creates the schema only if it is missing, for users without the right to do so. */
async function applied(client: Client): Promise<ReadonlySet<string>> {
  const { rows: found } = await client.query("select 1 where to_regclass('sallyport.migration') is not null");
  if (found.length === 0) await client.query(BOOKKEEPING);
  const { rows } = await client.query<{ name: string }>('select name from sallyport.migration');
  return new Set(rows.map(({ name }) => name));
}
