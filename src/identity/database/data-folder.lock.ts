import { randomUUID } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { hostname } from 'node:os';
import { createFile } from './kept-file.js';

const HEARTBEAT_MS = 5_000;
const SILENT_AFTER_MS = 15_000;

interface Holder {
  readonly pid: number;
  readonly host: string;
  /**
   * The process's start time from the kernel, so that a reused pid is not mistaken for the holder; null if not
   * available.
   */
  readonly startedAt: string | null;
  readonly nonce: string;
}

/** Releases the folder. Calling it again does nothing. */
export type ReleaseFolder = () => void;

/**
 * Locks a data folder for this process, with a lock file. The lock of a dead process is taken over; that of another
 * machine or container, after 15 s without a heartbeat.
 *
 * @returns null if a running process holds it
 */
export function lockDataFolder(lockFile: string): ReleaseFolder | null {
  const own: Holder = { pid: process.pid, host: hostname(), startedAt: processStart(process.pid), nonce: randomUUID() };
  const create = (): boolean => createFile(lockFile, JSON.stringify(own));
  if (!create() && !(clearStale(lockFile) && create())) return null;
  const heartbeat = setInterval(() => touch(lockFile), HEARTBEAT_MS).unref();
  return () => {
    clearInterval(heartbeat);
    if (readHolder(lockFile)?.nonce === own.nonce) rmSync(lockFile, { force: true });
  };
}

/**
 * Moves a dead holder's lock aside. If two processes try at once, the one that moved a fresh lock by mistake puts it
 * back.
 */
function clearStale(lockFile: string): boolean {
  const holder = readHolder(lockFile);
  if (holder && isAlive(holder, lockFile)) return false;
  const away = `${lockFile}.${randomUUID()}`;
  try {
    renameSync(lockFile, away);
    const moved = readHolder(away);
    if (moved?.nonce !== holder?.nonce) linkSync(away, lockFile);
    return moved?.nonce === holder?.nonce;
  } catch {
    return true;
  } finally {
    rmSync(away, { force: true });
  }
}

function isAlive(holder: Holder, lockFile: string): boolean {
  if (holder.host !== hostname())
    return Date.now() - (statSync(lockFile, { throwIfNoEntry: false })?.mtimeMs ?? 0) < SILENT_AFTER_MS;
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return processStart(holder.pid) === holder.startedAt;
}

function readHolder(file: string): Holder | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Holder;
  } catch {
    return null;
  }
}

function touch(file: string): void {
  try {
    utimesSync(file, new Date(), new Date());
  } catch {
    // The lock was removed by hand; the embedded database keeps running.
  }
}

/** Field 22 of /proc/<pid>/stat (proc(5)) with the boot's id: one value per process, ever. */
function processStart(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const start = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}:${start}`;
  } catch {
    return null;
  }
}
