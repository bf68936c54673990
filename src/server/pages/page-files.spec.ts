import { readFile } from 'node:fs/promises';
import { expect, it, vi } from 'vitest';
import { PageFiles } from './page-files.js';

vi.mock(import('node:fs/promises'), async (original) => ({ ...(await original()), readFile: vi.fn() }));

it('a page that could not be read is read again, and one that was read is not', async () => {
  const files = new PageFiles();
  const busy = Object.assign(new Error('too many open files'), { code: 'EMFILE' });
  vi.mocked(readFile).mockRejectedValueOnce(busy).mockResolvedValueOnce('<html>');
  await expect(files.html('app')).rejects.toThrow(busy);
  expect([await files.html('app'), await files.html('app')]).toEqual(['<html>', '<html>']);
  expect(readFile).toHaveBeenCalledTimes(2);
});
