import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';

/** PGlite's own 128 MiB of shared buffers suit a database server, not one inside a Node process. */
const POSTGRES_CONF = ['shared_buffers=16MB', "timezone='UTC'"];
const DRAFT = '.draft';
const SETUP_TIMEOUT_MS = 120_000;
const SETUP = `
const { PGlite } = require(process.argv[1]);
PGlite.create({ dataDir: process.argv[2], postgresqlconf: JSON.parse(process.argv[3]) }).then((db) => db.close());
`;

/**
 * Creates the embedded database's folder at the first start. initdb in WASM peaks above 800 MB, so a child process runs
 * it and frees that memory when it exits; the server itself stays near 300 MB from the first start on. The folder is
 * created atomically.
 */
export async function makeEmbeddedFolder(folder: string): Promise<void> {
  removeDrafts(folder);
  if (existsSync(folder)) return;
  // Not always the same: the child of a start that was killed may still write to its own.
  const draft = mkdtempSync(`${folder}${DRAFT}`);
  const pglite = createRequire(import.meta.url).resolve('@electric-sql/pglite');
  const args = ['-e', SETUP, pglite, draft, JSON.stringify(POSTGRES_CONF)];
  const setup = promisify(execFile)(process.execPath, args, { timeout: SETUP_TIMEOUT_MS });
  // A start that fails elsewhere in the meantime must not leave the child writing to the folder.
  const abandon = (): void => void setup.child.kill('SIGKILL');
  process.once('exit', abandon);
  try {
    await setup;
  } catch (error) {
    throw new Error(setupReason(error), { cause: error });
  } finally {
    process.off('exit', abandon);
  }
  renameSync(draft, folder);
}

/** Removes what starts that were killed have left. What their child still writes to goes with the next start. */
function removeDrafts(folder: string): void {
  const parent = dirname(folder);
  for (const name of readdirSync(parent)) {
    if (!name.startsWith(basename(folder) + DRAFT)) continue;
    try {
      rmSync(join(parent, name), { recursive: true, force: true });
    } catch {
      // Files have come meanwhile.
    }
  }
}

/** Node's own message is only the command line; the child's last output, or how it ended, is more useful. */
function setupReason(error: unknown): string {
  const { stderr = '', signal, code } = error as { stderr?: string; signal?: string | null; code?: number | string };
  const said = /^(?:\w*Error: )(.+)$/m.exec(stderr)?.[1];
  if (said) return said;
  return signal
    ? `its set-up was ended by ${signal}, often for want of memory: it needs 0.8 GB`
    : `its set-up ended with ${code ?? 'an error'}`;
}
