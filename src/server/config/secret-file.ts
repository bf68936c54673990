import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** The folder for the development secret cannot be made, written or read. `message` is a sentence without its end. */
export class SecretFolderError extends Error {}

/**
 * The development secret: made at the first start, kept beside the embedded data so that sessions survive a restart.
 * Production never comes here. Of two processes that start at once the first one's secret is used by both.
 *
 * @throws SecretFolderError
 */
export function readOrMakeSecret(dataDir: string): string {
  try {
    return readOrMake(dataDir);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    throw new SecretFolderError(
      `the folder ${resolve(dataDir)} cannot be used (${code}): expected one that this process may write to. Correct DATA_DIR or its rights`,
      { cause: error },
    );
  }
}

function readOrMake(dataDir: string): string {
  const file = join(dataDir, 'secret-key');
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  try {
    writeFileSync(file, randomBytes(32).toString('base64url'), { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return readFileSync(file, 'utf8').trim();
}
