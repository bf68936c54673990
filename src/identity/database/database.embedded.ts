import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { drizzle } from 'drizzle-orm/pglite';
import { migrate } from 'drizzle-orm/pglite/migrator';
import { StartError } from '../../live/errors/sallyport.errors.js';
import type { StoreHealth } from '../../live/store/store-health.js';
import { lockDataFolder, type ReleaseFolder } from './data-folder.lock.js';
import { Database, type Orm, MIGRATIONS, TABLES } from './database.js';
import { makeEmbeddedFolder } from './embedded-folder.js';
import * as schema from './schema.js';

/** How often the files of the embedded database are kept from growing, in milliseconds. */
const TRIM_EVERY_MS = 5 * 60_000;
/**
 * What PostgreSQL's background processes do, of which PGlite has none: removed rows give back their space, and the
 * write-ahead log starts again from here. Without a checkpoint it only grows, and a start after a crash replays all of it.
 */
const TRIM = [`vacuum ${TABLES.join(', ')}`, 'checkpoint'] as const;

/**
 * Opens PGlite in a folder that only this process uses, creates it at the first start, and migrates its schema.
 *
 * @param health notified of failures; default: none
 * @throws StartError when another process has the folder, or it cannot be written or read
 */
export async function openEmbedded(dataDir: string, health?: StoreHealth): Promise<Database> {
  const folder = resolve(dataDir, 'pglite');
  const release = await takeFolder(dataDir);
  try {
    await makeEmbeddedFolder(folder);
    const client = await PGlite.create({ dataDir: folder });
    const orm = drizzle(client, { schema });
    await migrate(orm, MIGRATIONS);
    const trimming = setInterval(() => void trim(client), TRIM_EVERY_MS).unref();
    const close = async (): Promise<void> => {
      clearInterval(trimming);
      await client.close();
      release();
    };
    return new Database(orm as unknown as Orm, { close, health });
  } catch (error) {
    release();
    const reason = error instanceof Error ? error.message.split('\n')[0] : 'unknown';
    throw new StartError(
      `The embedded database in ${folder} cannot be opened (${reason}): check the folder's rights and free space, or set DATABASE_URL.`,
      { cause: error },
    );
  }
}

async function trim(client: PGlite): Promise<void> {
  try {
    for (const statement of TRIM) await client.exec(statement);
  } catch {
    // The disk is full, or the database has been closed meanwhile. Writes report the first themselves.
  }
}

async function takeFolder(dataDir: string): Promise<ReleaseFolder> {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    const release = await lockDataFolder(join(dataDir, 'pglite.lock'));
    if (release) return release;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    throw new StartError(
      `The data folder ${resolve(dataDir)} cannot be written (${code}): check DATA_DIR and its permissions.`,
      {
        cause: error,
      },
    );
  }
  throw new StartError(
    `Another process uses the embedded database in ${resolve(dataDir)}: stop it first, ` +
      'or set DATABASE_URL to a PostgreSQL that several processes can share.',
  );
}
