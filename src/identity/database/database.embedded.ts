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
  let client: PGlite | undefined;
  try {
    await makeEmbeddedFolder(folder);
    client = await PGlite.create({ dataDir: folder });
    const orm = drizzle(client, { schema });
    await migrate(orm, MIGRATIONS);
    return new Database(orm as unknown as Orm, { close: closing(client, release), health });
  } catch (error) {
    // Why it cannot be opened matters more than that it cannot be closed either.
    await client?.close().catch(() => {});
    release();
    const reason = error instanceof Error ? error.message.split('\n')[0] : 'unknown';
    throw new StartError(
      `The embedded database in ${folder} cannot be opened (${reason}): check the folder's rights and free space, or set DATABASE_URL.`,
      { cause: error },
    );
  }
}

/** Keeps the files of a database from growing, until the returned function closes it and releases its folder. */
function closing(client: PGlite, release: ReleaseFolder): () => Promise<void> {
  const trimming = setInterval(() => void trim(client), TRIM_EVERY_MS).unref();
  return async () => {
    clearInterval(trimming);
    await client.close().finally(release);
  };
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
