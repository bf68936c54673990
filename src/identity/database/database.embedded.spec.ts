import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { fillWithEmbedded } from '../../../test/kit/storage.js';
import { openEmbedded } from './database.embedded.js';

let dataDir: string;

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'sallyport-embedded-'));
  await fillWithEmbedded(dataDir);
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(dataDir, { recursive: true, force: true });
});

const isLocked = (): boolean => existsSync(join(dataDir, 'pglite.lock'));

it('an embedded database that cannot be migrated is closed before its folder is released', async () => {
  const close = vi.fn(async () => expect(isLocked()).toBe(true));
  const query = () => Promise.reject(new Error('the disk is full'));
  vi.spyOn(PGlite, 'create').mockResolvedValue({ query, close } as unknown as PGlite & object);
  await expect(openEmbedded(dataDir)).rejects.toThrow('cannot be opened');
  expect(close).toHaveBeenCalledOnce();
  expect(isLocked()).toBe(false);
});

it('a folder is released although its database fails to close', async () => {
  const database = await openEmbedded(dataDir);
  const close = vi.spyOn(PGlite.prototype, 'close').mockRejectedValueOnce(new Error('aborted'));
  await expect(database.close()).rejects.toThrow('aborted');
  expect(isLocked()).toBe(false);
  await (close.mock.contexts[0] as PGlite).close();
});
