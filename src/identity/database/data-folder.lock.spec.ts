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

const ELSEWHERE = `${hostname()} and another container`;

/** Makes a lock of another process; its place is this one unless it is given. */
async function heldBy(pid: number, startedAt: string | null, place?: string): Promise<void> {
  const release = await lockDataFolder(file);
  const { place: here } = JSON.parse(readFileSync(file, 'utf8')) as { place: string };
  release?.();
  writeFileSync(file, JSON.stringify({ pid, place: place ?? here, startedAt, nonce: 'another' }));
}

async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '0']);
  await once(child, 'close');
  return child.pid ?? 0;
}

it('locks a folder until it is released', async () => {
  const release = await lockDataFolder(file);
  expect(release).not.toBeNull();
  expect(await lockDataFolder(file)).toBeNull();
  release?.();
  const again = await lockDataFolder(file);
  expect(again).not.toBeNull();
  again?.();
  expect(readdirSync(folder)).toEqual([]);
});

it('takes over the lock of a killed process', async () => {
  await heldBy(await deadPid(), null);
  expect(await lockDataFolder(file)).not.toBeNull();
});

it('takes over when the pid now belongs to another process', async () => {
  await heldBy(process.ppid, 'another start');
  expect(await lockDataFolder(file)).not.toBeNull();
});

it('takes over an empty lock file', async () => {
  writeFileSync(file, '');
  expect(await lockDataFolder(file)).not.toBeNull();
});

it('respects a holder in another container, also with the same host name and pid, while its heartbeat goes on', async () => {
  await heldBy(process.pid, null, ELSEWHERE);
  const heartbeat = setInterval(() => utimesSync(file, new Date(), new Date()), 50);
  expect(await lockDataFolder(file)).toBeNull();
  clearInterval(heartbeat);
});

it('takes over from another container when its heartbeat has stopped, by whichever clock', async () => {
  for (const beatMs of [Date.now(), Date.now() + 3_600_000]) {
    await heldBy(process.pid, null, ELSEWHERE);
    utimesSync(file, beatMs / 1000, beatMs / 1000);
    const release = await lockDataFolder(file, 600);
    expect(release).not.toBeNull();
    release?.();
  }
});

it('takes over from another container that has been silent for long, after it has listened for one heartbeat', async () => {
  await heldBy(process.pid, null, ELSEWHERE);
  const longAgo = new Date(Date.now() - 16_000);
  utimesSync(file, longAgo, longAgo);
  const startedMs = performance.now();
  expect(await lockDataFolder(file)).not.toBeNull();
  expect(performance.now() - startedMs).toBeGreaterThan(5_000);
});

it('respects a holder in another container whose clock is far behind', async () => {
  await heldBy(process.pid, null, ELSEWHERE);
  let beatMs = Date.now() - 3_600_000;
  const beat = (): void => utimesSync(file, beatMs / 1000, (beatMs += 50) / 1000);
  beat();
  const heartbeat = setInterval(beat, 50);
  expect(await lockDataFolder(file)).toBeNull();
  clearInterval(heartbeat);
});

it('takes the folder when another container releases it meanwhile', async () => {
  await heldBy(process.pid, null, ELSEWHERE);
  const locking = lockDataFolder(file);
  rmSync(file);
  expect(await locking).not.toBeNull();
});

it('does not release a lock that another process holds by now', async () => {
  const release = await lockDataFolder(file);
  writeFileSync(file, JSON.stringify({ nonce: 'another' }));
  release?.();
  expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ nonce: 'another' });
});
