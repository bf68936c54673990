import { pino } from 'pino';
import { openEmbedded } from '../../src/identity/database/database.embedded.js';
import type { Database } from '../../src/identity/database/database.js';
import { openPostgres } from '../../src/identity/database/database.postgres.js';
import { createDatabase } from './postgres-database.js';
import { fillWithEmbedded } from './storage.js';
import { temporaryFolder } from './temporary-folder.js';

/** An empty, migrated database for one test file. */
export interface OpenDatabase {
  readonly database: Database;
  readonly drop: () => Promise<void>;
}

/** Opens a database for one suite. */
export type OpenDatabaseFor = () => Promise<OpenDatabase>;

/** Opens an embedded database in a new folder. */
export async function openTestEmbedded(): Promise<OpenDatabase> {
  const folder = temporaryFolder('rows');
  await fillWithEmbedded(folder.path);
  const database = await openEmbedded(folder.path);
  const drop = async (): Promise<void> => {
    await database.close();
    folder.remove();
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
