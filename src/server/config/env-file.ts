import { StartError } from '../../live/errors/sallyport.errors.js';

/**
 * Adds the variables of a `.env` file in the working directory to the environment, which takes precedence. Called first
 * by each entry point, never by tests. The file may be absent.
 *
 * @throws StartError when the file exists but cannot be read
 */
export function loadEnvFile(path = '.env'): void {
  try {
    process.loadEnvFile(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    if (code === 'ENOENT') return;
    throw new StartError(`The file ${path} cannot be read (${code}): it must be a file that this process may read.`, {
      cause: error,
    });
  }
}
