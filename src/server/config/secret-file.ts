import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/**
 * The folder of the development secret cannot be created, written or read. `message` is the beginning of a sentence.
 */
export class SecretFolderError extends Error {}

/**
 * The development secret: generated at the first start and kept with the embedded database so that sessions survive a
 * restart. Never used in production. If two processes start at once, both use the first one's secret.
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
