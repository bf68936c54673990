import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readOrMake } from './kept-file.js';

const FILES = 2_000;

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-kept-file-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('makes the file once, readable by this user only, and leaves no draft', () => {
  const file = join(folder, 'sub', 'key');

  expect(readOrMake(file, () => 'first\n')).toBe('first');
  expect(readOrMake(file, () => 'second\n')).toBe('first');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readdirSync(join(folder, 'sub'))).toEqual(['key']);
});

it('keeps what another process made while this one was making its own', () => {
  const file = join(folder, 'key');

  expect(readOrMake(file, () => readOrMake(file, () => 'theirs') && 'ours')).toBe('theirs');
  expect(readFileSync(file, 'utf8')).toBe('theirs');
});

it('never shows another process a file without its content', async () => {
  const reader = spawn(process.execPath, ['--eval', READER, folder, String(FILES)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(reader.stdout, 'data');
  for (let i = 0; i < FILES; i++) readOrMake(join(folder, String(i)), () => 'content');

  const [found] = (await once(reader.stdout, 'data')) as [Buffer];
  expect(found.toString()).toBe('0 partial\n');
});

/** Reads each file as soon as it exists and says how many were not whole. */
const READER = `
  const { readFileSync } = require('node:fs');
  const [folder, files] = process.argv.slice(1);
  console.log('ready');
  let partial = 0;
  for (let i = 0; i < Number(files); ) {
    try {
      if (readFileSync(folder + '/' + i, 'utf8') !== 'content') partial++;
      i++;
    } catch {}
  }
  console.log(partial + ' partial');
`;
