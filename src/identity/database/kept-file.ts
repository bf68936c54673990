import { randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * The content of a file that the first start makes, readable by this user only; its folder is made too.
 * If two processes start at once, both get what the first one wrote.
 *
 * @throws the system's error if the folder or the file cannot be used
 */
export function readOrMake(file: string, make: () => string): string {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  createFile(file, make());
  return readFileSync(file, 'utf8').trim();
}

/**
 * Creates a file, readable by this user only. Other processes see it with all of its content or not at all: a hard link
 * to a draft is created atomically.
 *
 * @returns false if the file exists; it is left as it is
 * @throws the system's error if it cannot be created
 */
export function createFile(file: string, content: string): boolean {
  const draft = `${file}.${randomUUID()}`;
  writeFileSync(draft, content, { flag: 'wx', mode: 0o600 });
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}
