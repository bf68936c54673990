import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { locate } from './needs.js';

/** An empty database of one test file. */
export interface TestDatabase {
  readonly url: string;
  /** Drops it, with whoever is still connected. */
  drop(): Promise<void>;
}

/** Creates an empty database on the PostgreSQL server at hand. */
export async function createDatabase(server = locate('postgres')): Promise<TestDatabase> {
  const name = `sallyport_test_${randomBytes(8).toString('hex')}`;
  await onServer(server, `create database ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => onServer(server, `drop database if exists ${name} with (force)`) };
}

/** The same database for connections that can read only, as a full or demoted server is used. */
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
