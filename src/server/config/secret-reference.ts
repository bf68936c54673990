import { readFileSync, statSync } from 'node:fs';
import { FILE_VARIABLES } from './environment.js';

const MAX_FILE_BYTES = 64 * 1024;

/** The environment with files replaced by their contents. */
export interface ResolvedSecrets {
  readonly env: Readonly<Record<string, string>>;
  /** One sentence per variable whose file cannot be read; it is then not in {@link env}. */
  readonly faults: ReadonlyMap<string, string>;
}

/**
 * Replaces `@path` in the variables with secrets by the file's contents, trimmed. Each of several keys may be a file,
 * and a file may contain several, one per line. File names are not secret, so errors contain them.
 */
export function resolveSecrets(given: Readonly<Record<string, string>>): ResolvedSecrets {
  const env = { ...given };
  const faults = new Map<string, string>();
  for (const name of FILE_VARIABLES) {
    const value = env[name];
    if (value === undefined || !value.includes('@')) continue;
    try {
      env[name] = name === 'SECRET_KEYS' ? value.split(',').map(content).join(',') : content(value);
    } catch (error) {
      delete env[name];
      faults.set(name, error instanceof SecretFileError ? error.message : 'the file that it names cannot be read');
    }
  }
  return { env, faults };
}

class SecretFileError extends Error {}

function content(value: string): string {
  const text = value.trim();
  if (!text.startsWith('@')) return text;
  const file = text.slice(1);
  if (file === '') throw new SecretFileError('no file is named after @');
  const secret = read(file).trim();
  if (secret === '') throw new SecretFileError(`the file ${file} is empty: write the value into it`);
  if (secret.startsWith('[')) return secret;
  return secret
    .split('\n')
    .map((line) => line.trim())
    .join(',');
}

function read(file: string): string {
  try {
    if (statSync(file).size > MAX_FILE_BYTES)
      throw new SecretFileError(`the file ${file} is larger than 64 KiB: name another`);
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof SecretFileError) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    throw new SecretFileError(
      `the file ${file} cannot be read (${code}): correct the path after @, or its permissions`,
      {
        cause: error,
      },
    );
  }
}
