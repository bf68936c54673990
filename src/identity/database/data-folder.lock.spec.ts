import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { lockDataFolder } from './data-folder.lock.js';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sallyport-lock-'));
  file = join(folder, 'lock');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function heldBy(pid: number, host: string, startedAt: string | null): void {
  writeFileSync(file, JSON.stringify({ pid, host, startedAt, nonce: 'another' }));
}

async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '0']);
  await once(child, 'close');
  return child.pid ?? 0;
}

it('locks a folder until it is released', () => {
  const release = lockDataFolder(file);
  expect(release).not.toBeNull();
  expect(lockDataFolder(file)).toBeNull();
  release?.();
  const again = lockDataFolder(file);
  expect(again).not.toBeNull();
  again?.();
  expect(readdirSync(folder)).toEqual([]);
});

it('takes over the lock of a killed process', async () => {
  heldBy(await deadPid(), hostname(), null);
  expect(lockDataFolder(file)).not.toBeNull();
});

it('takes over when the pid now belongs to another process', () => {
  heldBy(process.ppid, hostname(), 'some other boot:1');
  expect(lockDataFolder(file)).not.toBeNull();
});

it('takes over an empty lock file', () => {
  writeFileSync(file, '');
  expect(lockDataFolder(file)).not.toBeNull();
});

it('respects a holder on another host until its heartbeat stops', () => {
  heldBy(1, 'another-container', null);
  expect(lockDataFolder(file)).toBeNull();
  const longAgo = new Date(Date.now() - 16_000);
  utimesSync(file, longAgo, longAgo);
  expect(lockDataFolder(file)).not.toBeNull();
});

it('does not release a lock that another process holds by now', () => {
  const release = lockDataFolder(file);
  heldBy(process.pid, hostname(), null);
  release?.();
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ nonce: 'another' });
});
