import { randomBytes } from 'node:crypto';
import { join, resolve } from 'node:path';
import { readOrMake } from '../../identity/database/kept-file.js';

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
    return readOrMake(join(dataDir, 'secret-key'), () => randomBytes(32).toString('base64url'));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    throw new SecretFolderError(
      `the folder ${resolve(dataDir)} cannot be used (${code}): expected one that this process may write to. Correct DATA_DIR or its permissions`,
      { cause: error },
    );
  }
}
