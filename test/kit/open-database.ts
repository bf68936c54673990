import { randomUUID } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { openEmbedded } from '../../src/database/database.embedded.js';
import type { Database } from '../../src/database/database.js';
import { openPostgres } from '../../src/database/database.postgres.js';
import { makeEmbeddedFolder } from '../../src/database/embedded-folder.js';
import { createDatabase } from './postgres-database.js';

/** PGlite 0.5 speaks PostgreSQL 18: folders of another version do not open. */
const TEMPLATE = join(tmpdir(), 'sallyport-test-pglite-0.5');

/** A database of one test file's own, migrated and empty. */
export interface OpenDatabase {
  readonly database: Database;
  readonly drop: () => Promise<void>;
}

/** Makes a database for one suite. */
export type OpenDatabaseFor = () => Promise<OpenDatabase>;

/** Opens an embedded database in a folder of its own. */
export async function openTestEmbedded(): Promise<OpenDatabase> {
  const dataDir = await makeDataDir();
  const database = await openEmbedded(dataDir);
  const drop = async (): Promise<void> => {
    await database.close();
    rmSync(dataDir, { recursive: true, force: true });
  };
  return { database, drop };
}

/** Opens a new database on PostgreSQL. */
export async function openTestPostgres(): Promise<OpenDatabase> {
  const created = await createDatabase();
  const database = await openPostgres(created.url, pino({ level: 'silent' }));
  const drop = async (): Promise<void> => {
    await database.close();
    await created.drop();
  };
  return { database, drop };
}

/** A data folder with an initialised embedded database: a copy of one that this machine makes once, since initdb takes seconds. */
export async function makeDataDir(): Promise<string> {
  if (!existsSync(TEMPLATE)) await makeTemplate();
  const dataDir = mkdtempSync(join(tmpdir(), 'sallyport-test-'));
  cpSync(TEMPLATE, join(dataDir, 'pglite'), { recursive: true });
  return dataDir;
}

/** Several test processes may come here at once: each makes its own, the first one to rename wins. */
async function makeTemplate(): Promise<void> {
  const draft = `${TEMPLATE}-${randomUUID()}`;
  await makeEmbeddedFolder(draft);
  try {
    renameSync(draft, TEMPLATE);
  } catch {
    rmSync(draft, { recursive: true, force: true });
  }
}
