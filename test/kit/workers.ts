import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { vi } from 'vitest';
import { type LiveSocket, openSocket, type SocketOptions } from '../../src/testing/live-socket.js';
import { Browser } from './browser.js';
import { createDatabase } from './postgres-database.js';
import { type ServerProcess, startServerProcess } from './server-process.js';
import { temporaryFolder } from './temporary-folder.js';

const WAIT = { timeout: 60_000, interval: 50 };

/** The fields of a log line that these tests read. */
export interface LogLine {
  readonly msg?: string;
  readonly worker?: number;
  readonly pid?: number;
  readonly event?: string;
  readonly viewer?: string;
  readonly code?: number;
  readonly status?: number;
}

/** A server with several workers and its own database. */
export interface WorkersServer extends ServerProcess {
  readonly env: Readonly<Record<string, string>>;
  /** Returns the log so far. */
  log(): readonly LogLine[];
  /** Returns the pid of the worker that last served in each slot, in the order of slots. */
  pids(): readonly number[];
  /** Waits until worker `number` serves with a pid other than `before`, and returns it. */
  replaced(number: number, before: number): Promise<number>;
  /** Registers an account and returns its signed-in browser. */
  signedIn(): Promise<{ browser: Browser; viewer: string }>;
  /** Opens an acknowledged socket on the worker with this pid. */
  socketOn(pid: number, browser: Browser, options?: SocketOptions): Promise<LiveSocket>;
  /** Publishes over HTTP through any worker, again if that worker has just been killed. */
  publish(viewer: string, payload: number): Promise<void>;
  /** Stops the server and removes its database. */
  remove(): Promise<void>;
}

/** Starts a server with two workers and waits until both serve. Needs `postgres`. */
export async function startWorkers(more: Readonly<Record<string, string>> = {}): Promise<WorkersServer> {
  const [database, folder] = [await createDatabase(), temporaryFolder('workers')];
  const env = {
    WORKERS: '2',
    DATABASE_URL: database.url,
    DATA_DIR: folder.path,
    USER_COUNT_INTERVAL_SECONDS: '3600',
    THROTTLE_EXEMPT: '127.0.0.1',
    ...more,
  };
  const server = await startServerProcess(env);
  const log = () => linesOf(server.output());
  const pids = (): readonly number[] => {
    const serving = log().filter(({ msg }) => msg === 'listening');
    const latest = new Map(serving.map(({ worker, pid }) => [worker!, pid!]));
    return [...latest].sort(([one], [other]) => one - other).map(([, pid]) => pid);
  };
  const wanted = Number(env.WORKERS);
  await vi.waitUntil(() => pids().length === wanted, WAIT);
  return {
    ...server,
    env,
    log,
    pids,
    replaced: (number, before) =>
      vi.waitUntil(() => {
        const now = pids()[number - 1];
        return now !== undefined && now !== before && now;
      }, WAIT),
    signedIn: async () => {
      const browser = new Browser(server.url);
      const { id } = await browser.register();
      return { browser, viewer: `user:${id}` };
    },
    socketOn: (pid, browser, options) => socketOn({ url: server.url, log }, pid, browser, options),
    publish: async (viewer, payload) => {
      const response = await vi.waitFor(() => publish(server.url, folder.path, viewer, payload), WAIT);
      if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
      await response.arrayBuffer();
    },
    remove: async () => {
      await server.end('SIGKILL');
      await database.drop();
      folder.remove();
    },
  };
}

function linesOf(output: string): readonly LogLine[] {
  return output
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line) as LogLine);
}

/** Opens sockets until one is on the worker; closes the others. */
async function socketOn(
  { url, log }: { url: string; log: () => readonly LogLine[] },
  pid: number,
  browser: Browser,
  options: SocketOptions = {},
): Promise<LiveSocket> {
  const opened = () => log().filter(({ event }) => event === 'socket-opened');
  for (let attempt = 0; attempt < 100; attempt++) {
    const before = opened().length;
    const token = await browser.token();
    // Refused while the socket that was just closed still counts on the other worker.
    const socket = await vi.waitUntil(() => openSocket(url, { token, ...options }).catch(() => null), WAIT);
    await vi.waitUntil(() => opened().length > before, WAIT);
    if (opened().at(-1)?.pid === pid) return socket;
    await socket.close();
  }
  throw new Error(`No socket landed on worker ${pid}.`);
}

function publish(url: string, dataDir: string, viewer: string, payload: number): Promise<Response> {
  const key = readFileSync(join(dataDir, 'development-api-key'), 'utf8').trim();
  return fetch(`${url}/publish`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', connection: 'close' },
    body: JSON.stringify({ events: [{ topic: 'user_count', viewer, payload }] }),
  });
}
