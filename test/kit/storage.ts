import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openEmbedded } from '../../src/identity/database/database.embedded.js';
import { createDatabase } from './postgres-database.js';
import { temporaryFolder } from './temporary-folder.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A server's storage, and a function that deletes it. */
interface Storage {
  readonly env: Readonly<Record<string, string>>;
  remove(): Promise<void>;
}

/**
 * Creates storage for one server: a migrated embedded database in a folder or, if the tests run with `DATABASE_URL`, an
 * empty database on that server. Storage that `env` names is neither created nor deleted.
 */
export async function storage(env: Readonly<Record<string, string>>): Promise<Storage> {
  const folder = temporaryFolder('data');
  const dataDir = { DATA_DIR: folder.path };
  if (env['DATABASE_URL'] || env['DATA_DIR']) return { env: dataDir, remove: async () => folder.remove() };
  if (process.env['DATABASE_URL']) {
    const database = await createDatabase();
    const remove = () => database.drop().then(folder.remove);
    // A single server is tested with its store in memory, the default for an embedded database.
    const store = env['REDIS_URL'] ? {} : { STORE: 'memory' };
    return { env: { ...dataDir, DATABASE_URL: database.url, ...store }, remove };
  }
  await fillWithEmbedded(folder.path);
  return { env: dataDir, remove: async () => folder.remove() };
}

/** Copies a migrated embedded database into an empty folder. */
export async function fillWithEmbedded(dataDir: string): Promise<void> {
  cpSync(await migratedFolder(), dataDir, { recursive: true });
}

/** Creating an embedded database takes seconds and copying one 0.1 s, so one is created per set of migrations. */
async function migratedFolder(): Promise<string> {
  const kept = join(ROOT, 'node_modules', '.cache', 'sallyport', `data-${fingerprint()}`);
  if (existsSync(kept)) return kept;
  mkdirSync(dirname(kept), { recursive: true });
  const made = mkdtempSync(`${kept}-`);
  const database = await openEmbedded(made);
  await database.close();
  try {
    renameSync(made, kept);
  } catch {
    // Another test file created the folder first; use that one.
    rmSync(made, { recursive: true, force: true });
  }
  return kept;
}

function fingerprint(): string {
  const migrations = join(ROOT, 'drizzle');
  const hash = createHash('sha256').update(readFileSync(join(ROOT, 'node_modules/@electric-sql/pglite/package.json')));
  for (const name of readdirSync(migrations).sort()) {
    if (name.endsWith('.sql')) hash.update(readFileSync(join(migrations, name)));
  }
  return hash.digest('hex').slice(0, 16);
}
