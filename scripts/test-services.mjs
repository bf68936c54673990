import { execFileSync, spawn } from 'node:child_process';
import { accessSync, chownSync, constants, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from './free-port.mjs';

const READY_WITHIN_MS = 30_000;

/**
 * A store that tests can use.
 *
 * @typedef {object} Service
 * @property {string} url where it answers
 * @property {string} origin where it comes from, for messages
 * @property {() => Promise<void>} stop stops it, if it was started here
 */

/** PostgreSQL: the one of `DATABASE_URL`, else one of our own from installed programs, else null.
 * @returns {Promise<Service | null>}
 */
export async function findPostgres() {
  const given = process.env.DATABASE_URL;
  if (given) return { url: given, origin: 'DATABASE_URL', stop: async () => {} };
  const folder = postgresPrograms();
  return folder ? startPostgres(folder) : null;
}

/** Redis: the one of `REDIS_URL`, else one of our own from the installed program, else null.
 * @returns {Promise<Service | null>}
 */
export async function findRedis() {
  const given = process.env.REDIS_URL;
  if (given) return { url: given, origin: 'REDIS_URL', stop: async () => {} };
  const program = findProgram('redis-server') ?? findProgram('valkey-server');
  return program ? startRedis(program) : null;
}

/** The path of an installed Chromium, or null. `CHROMIUM_PATH` takes precedence. */
export function findChromium() {
  const given = process.env.CHROMIUM_PATH;
  if (given) return existsSync(given) ? given : null;
  return ['chromium', 'chromium-browser', 'google-chrome'].map(findProgram).find((path) => path !== null) ?? null;
}

/** The library that changes a process's clock (Debian's faketime), or null. */
export function findFaketime() {
  const folders = existsSync('/usr/lib')
    ? readdirSync('/usr/lib').map((name) => join('/usr/lib', name, 'faketime'))
    : [];
  return folders.map((folder) => join(folder, 'libfaketime.so.1')).find((path) => existsSync(path)) ?? null;
}

/**
 * The path of an installed program, in PATH or where Debian puts servers; null if there is none.
 * @param {string} name
 * @returns {string | null}
 */
export function findProgram(name) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/bin', '/usr/local/bin', '/usr/sbin'];
  return folders.map((folder) => join(folder, name)).find(isExecutable) ?? null;
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * The folder of PostgreSQL's programs; undefined if there is none. Debian keeps those of each version outside PATH; the
 * newest one is used.
 */
export function postgresPrograms() {
  const versions = existsSync('/usr/lib/postgresql') ? readdirSync('/usr/lib/postgresql') : [];
  const debian = versions.sort((a, b) => Number(b) - Number(a)).map((version) => `/usr/lib/postgresql/${version}/bin`);
  const onPath = (process.env.PATH ?? '').split(delimiter);
  return [...debian, ...onPath].find((folder) =>
    ['initdb', 'postgres'].every((name) => isExecutable(join(folder, name))),
  );
}

async function startPostgres(folder) {
  const home = mkdtempSync(join(tmpdir(), 'sallyport-postgres-'));
  const as = unprivileged();
  if (as.uid !== undefined) chownSync(home, as.uid, as.gid);
  const data = join(home, 'data');
  const remove = () => rmSync(home, { recursive: true, force: true });
  try {
    const make = ['-D', data, '-U', 'postgres', '--auth=trust', '--no-sync', '--encoding=UTF8', '--locale=C'];
    execFileSync(join(folder, 'initdb'), make, { ...as, cwd: home, stdio: 'pipe' });
    const port = await freePort();
    const settings = { fsync: 'off', max_connections: 300, shared_buffers: '64MB', unix_socket_directories: home };
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const args = ['-D', data, '-h', '127.0.0.1', '-p', String(port), ...flags];
    const child = spawn(join(folder, 'postgres'), args, { ...as, cwd: home, stdio: 'ignore', detached: true });
    const stop = stopper(child, 'SIGINT', remove);
    await answering(child, port, stop);
    const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
    return { url, origin: `started from ${folder}`, stop };
  } catch (error) {
    remove();
    throw error;
  }
}

async function startRedis(program) {
  const home = mkdtempSync(join(tmpdir(), 'sallyport-redis-'));
  const port = await freePort();
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', home];
  const child = spawn(program, args, { stdio: 'ignore', detached: true });
  const stop = stopper(child, 'SIGTERM', () => rmSync(home, { recursive: true, force: true }));
  await answering(child, port, stop);
  return { url: `redis://127.0.0.1:${port}`, origin: `started from ${program}`, stop };
}

/** PostgreSQL refuses to run as root, so root runs it as the package's user, or as `nobody`. */
export function unprivileged() {
  if (process.getuid?.() !== 0) return {};
  for (const user of ['postgres', 'nobody']) {
    try {
      const id = (flag) => Number(execFileSync('id', [flag, user], { stdio: ['ignore', 'pipe', 'ignore'] }));
      return { uid: id('-u'), gid: id('-g') };
    } catch {
      // No such user: try the next.
    }
  }
  throw new Error('PostgreSQL does not run as root, and this machine has neither a postgres nor a nobody user.');
}

async function answering(child, port, stop) {
  const deadlineMs = performance.now() + READY_WITHIN_MS;
  while (!(await accepts(port))) {
    if (child.exitCode !== null || performance.now() > deadlineMs) {
      await stop();
      throw new Error(`${child.spawnfile} did not start to answer on port ${port}.`);
    }
    await delay(50);
  }
}

function accepts(port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true));
    socket.on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
}

function stopper(child, signal, cleanup) {
  let stopped;
  return () =>
    (stopped ??= new Promise((resolve) => {
      const done = () => {
        cleanup();
        resolve();
      };
      if (child.exitCode !== null || child.signalCode !== null) return done();
      child.once('exit', done);
      child.kill(signal);
    }));
}
