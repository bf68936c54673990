import { randomUUID } from 'node:crypto';
import { linkSync, readFileSync, readlinkSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { createFile } from './kept-file.js';

const HEARTBEAT_MS = 5_000;
const SILENT_AFTER_MS = 15_000;
const LOOK_EVERY_MS = 250;

interface Holder {
  readonly pid: number;
  /**
   * Where its pid means something: the host, its boot and the container. Containers may have the same host name, and the
   * same pid in each.
   */
  readonly place: string;
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
 * machine or container, after 15 s without a heartbeat, for which this waits.
 *
 * @param silentAfterMs only tests change it
 * @returns null if a running process holds it
 */
export async function lockDataFolder(lockFile: string, silentAfterMs = SILENT_AFTER_MS): Promise<ReleaseFolder | null> {
  const own: Holder = {
    pid: process.pid,
    place: placeHere(),
    startedAt: processStart(process.pid),
    nonce: randomUUID(),
  };
  const create = (): boolean => createFile(lockFile, JSON.stringify(own));
  if (!create() && !((await clearStale(lockFile, silentAfterMs)) && create())) return null;
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
async function clearStale(lockFile: string, silentAfterMs: number): Promise<boolean> {
  const holder = readHolder(lockFile);
  if (holder && (holder.place === placeHere() ? isAlive(holder) : await sendsHeartbeats(lockFile, silentAfterMs)))
    return false;
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

/** Whether the process that holds the lock, on this host and in this container, is still running. */
function isAlive(holder: Holder): boolean {
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return processStart(holder.pid) === holder.startedAt;
}

/**
 * Whether a holder on another host or in another container is alive. Its heartbeat shows as a changed file time; the time
 * itself says nothing, since clocks may differ.
 */
async function sendsHeartbeats(lockFile: string, silentAfterMs: number): Promise<boolean> {
  const beatMs = (): number | undefined => statSync(lockFile, { throwIfNoEntry: false })?.mtimeMs;
  const last = beatMs();
  if (last === undefined) return false;
  // Long enough for one heartbeat in any case: the machine may have been asleep, or its clock may be behind.
  const leastMs = Math.min(silentAfterMs, HEARTBEAT_MS + 1_000);
  const untilMs = performance.now() + Math.max(leastMs, silentAfterMs - Math.max(0, Date.now() - last));
  while (performance.now() < untilMs) {
    await delay(LOOK_EVERY_MS);
    const now = beatMs();
    // Undefined: it has released the folder.
    if (now !== last) return now !== undefined;
  }
  return false;
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

/** The host, its boot and the container's processes (pid_namespaces(7)); the host alone where the kernel does not tell. */
function placeHere(): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${hostname()} ${boot} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname();
  }
}

/** Field 22 of /proc/<pid>/stat (proc(5)): never the same for two processes of one boot and pid. */
function processStart(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return null;
  }
}
