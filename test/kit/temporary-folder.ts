import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A new empty folder, and the function that removes it. */
export function temporaryFolder(name: string): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), `sallyport-${name}-`));
  return { path, remove: () => rmSync(path, { recursive: true, force: true, maxRetries: 10 }) };
}
