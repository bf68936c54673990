import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { requireNeed } from './needs.js';

/** An empty database for one test file. */
export interface TestDatabase {
  readonly url: string;
  /** Drops the database and ends its connections. */
  drop(): Promise<void>;
}

/** Creates an empty database on the PostgreSQL server for tests. */
export async function createDatabase(server = requireNeed('postgres')): Promise<TestDatabase> {
  const name = `sallyport_test_${randomBytes(8).toString('hex')}`;
  await onServer(server, `create database ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => onServer(server, `drop database if exists ${name} with (force)`) };
}

/** Returns the URL for read-only connections to the same database, as on a full or demoted server. */
export function readOnly(url: string): string {
  const found = new URL(url);
  found.searchParams.set('options', '-c default_transaction_read_only=on');
  return found.href;
}

async function onServer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
