import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';

const SERVER = process.env.BENCH_DATABASE_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres';

const open = new Set();

/** Drops all databases that still exist. Called when the run is interrupted. */
export function dropAll() {
  return Promise.allSettled([...open].map((drop) => drop()));
}

async function administer(sql, connectionString = SERVER) {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 3000 });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

/**
 * A new database for one run: in PostgreSQL (`BENCH_DATABASE_URL` names any database of the server, default
 * 127.0.0.1:5432), or, if it is unavailable, the embedded one in a temporary folder. `drop()` removes it. `settle()` does
 * at once what PostgreSQL would do in the background of a measurement after many rows were inserted.
 *
 * @returns `{ url, dataDir, settle, drop }`; `url` is null for the embedded one
 */
export async function ownDatabase() {
  const dataDir = mkdtempSync(join(tmpdir(), 'sallyport-bench-'));
  const name = `sallyport_bench_${randomBytes(6).toString('hex')}`;
  const inPostgres = await administer(`CREATE DATABASE ${name}`).then(
    () => true,
    () => false,
  );
  const drop = async () => {
    open.delete(drop);
    rmSync(dataDir, { recursive: true, force: true });
    if (inPostgres) await administer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  };
  open.add(drop);
  const url = new URL(SERVER);
  url.pathname = `/${name}`;
  const settle = async () => {
    if (!inPostgres) return;
    await administer('VACUUM (ANALYZE)', url.href);
    await administer('CHECKPOINT');
  };
  return { url: inPostgres ? url.href : null, dataDir, settle, drop };
}
