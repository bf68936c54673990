import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { CloseCode } from '../src/protocol/close-code.js';
import { Browser } from './kit/browser.js';
import { freePort } from '../scripts/free-port.mjs';
import { openSocket } from '../src/testing/live-socket.js';
import { needs } from './kit/needs.js';
import { createDatabase } from './kit/postgres-database.js';
import { spawnServer, startServerProcess } from './kit/server-process.js';
import { storage } from './kit/storage.js';
import { temporaryFolder } from './kit/temporary-folder.js';

const storages: Array<Awaited<ReturnType<typeof storage>>> = [];

const WAITING = 1_000;
const STARTED = { timeout: 90_000, interval: 50 };

async function ownStorage() {
  const own = await storage({});
  storages.push(own);
  return own.env;
}

afterAll(() => Promise.all(storages.map((own) => own.remove())));

describe('a start that cannot succeed', () => {
  it('names every configuration error at once, never a value, and fails', async () => {
    const server = spawnServer({ PORT: 'eighty', TOKEN_TTL_SECONDS: '-5', REDIS_URL: 'http://user:hunter2@x' });
    expect(await server.exit).toBe(1);
    expect(server.output()).toMatch(/PORT: /);
    expect(server.output()).toMatch(/TOKEN_TTL_SECONDS: /);
    expect(server.output()).toMatch(/REDIS_URL: /);
    expect(server.output()).not.toMatch(/eighty|hunter2/);
  });

  it('refuses production without secret keys and a public https URL', async () => {
    const server = spawnServer({ NODE_ENV: 'production', PUBLIC_URL: 'http://app.example' });
    expect(await server.exit).toBe(1);
    expect(server.output()).toMatch(/SECRET_KEYS: /);
    expect(server.output()).toMatch(/PUBLIC_URL: /);
  });

  it('says in one line that the port is in use', async () => {
    const port = await freePort();
    const occupant = await listen(port);
    const server = spawnServer({ ...(await ownStorage()), PORT: String(port), LOG_LEVEL: 'warn' });
    expect(await server.exit).toBe(1);
    occupant.close();
    expect(lines(server.output())).toEqual([expect.stringMatching(new RegExp(`^sallyport: .*${port}.* PORT\\.$`))]);
  });

  it.each([
    ['an address of another machine', { HOST: '203.0.113.1' }],
    ['no address', { HOST: '127.0.0.1.5', METRICS_PORT: '0' }],
    ['no address, with workers', { HOST: '127.0.0.1.5', WORKERS: '2', DATABASE_URL: 'postgres://nowhere.example/db' }],
  ])('says in one line that HOST is %s', async (_, env) => {
    const server = spawnServer({ ...(await ownStorage()), PORT: '0', NODE_ENV: 'test', LOG_LEVEL: 'warn', ...env });
    expect(await server.exit).toBe(1);
    expect(server.output()).toMatch(/^sallyport: HOST cannot be used \(E\w+\): set an address .*\n$/);
  });

  it('reads .env in its folder, which the environment overrides', async () => {
    const folder = temporaryFolder('env');
    writeFileSync(join(folder.path, '.env'), 'PORT=eighty\nLOG_LEVEL=loud\n');
    const server = spawnServer({ LOG_LEVEL: 'warn' }, folder.path);
    expect(await server.exit).toBe(1);
    folder.remove();
    expect(server.output()).toMatch(/PORT: expected a whole number/);
    expect(server.output()).not.toMatch(/LOG_LEVEL/);
  });
});

describe('a running server', () => {
  it('drains on SIGTERM: open sockets close with 1012, and it exits with code 0', async () => {
    const server = await startServerProcess(await ownStorage());
    const browser = new Browser(server.url);
    await browser.register();
    const socket = await openSocket(server.url, { token: await browser.token() });
    const exit = server.end('SIGTERM');
    expect((await socket.waitForClose()).code).toBe(CloseCode.ServiceRestart);
    expect(await exit).toBe(0);
  });

  it('releases the embedded data for the next start, where the session is still valid', async () => {
    const env = await ownStorage();
    const port = String(await freePort());
    const first = await startServerProcess({ ...env, PORT: port });
    const browser = new Browser(first.url);
    const { id } = await browser.register();
    await first.end();
    const second = await startServerProcess({ ...env, PORT: port });
    expect((await browser.me())?.user.id).toBe(id);
    await second.end();
  });

  it('prints nothing but JSON lines in production', async () => {
    const production = { NODE_ENV: 'production', SECRET_KEYS: randomBytes(32).toString('hex') };
    const server = await startServerProcess({
      ...(await ownStorage()),
      ...production,
      PUBLIC_URL: 'https://app.example',
    });
    await server.end();
    const messages = lines(server.output()).map((line) => (JSON.parse(line) as { msg: string }).msg);
    expect(messages).toContain('listening');
  });

  it.skipIf(somaxconn() < WAITING)('lets a thousand connections wait while it is busy', async () => {
    const server = await startServerProcess(await ownStorage());
    const { port } = new URL(server.url);
    // As busy as can be. What the system has no room for connects only when the server goes on.
    server.child.kill('SIGSTOP');
    const sockets = Array.from({ length: WAITING }, () => connect(Number(port), '127.0.0.1'));
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    for (const socket of sockets) socket.destroy();
    server.child.kill('SIGCONT');
    expect(await server.end()).toBe(0);
  });

  it('answers /healthz and /readyz without confidential details', async () => {
    const server = await startServerProcess(await ownStorage());
    const browser = new Browser(server.url);
    expect(await (await browser.fetch('/healthz')).json()).toEqual({ status: 'ok' });
    const ready = await browser.fetch('/readyz');
    expect(ready.status).toBe(200);
    expect(await ready.json()).toEqual({
      status: 'ok',
      checks: { node: 'ok', database: 'ok', redis: 'not configured' },
    });
    await server.end();
  });
});

it('PORT=0 takes a free port, prints it, and lets its own pages in', async () => {
  const server = spawnServer({ ...(await ownStorage()), PORT: '0', LOG_LEVEL: 'warn' });
  const origin = await vi.waitFor(() => /app +(http:\S+[1-9]\d*)\//.exec(server.output())![1]!, STARTED);
  const url = origin.replace('localhost', '127.0.0.1');
  const socket = await openSocket(url, { origin });
  await socket.close();
  expect(await server.end()).toBe(0);
});

it.runIf(process.platform === 'linux')('a full disk for the log stops neither the server nor its end', async () => {
  const full = openSync('/dev/full', 'w');
  const server = await startServerProcess(await ownStorage(), undefined, full);
  closeSync(full);
  expect(await server.end()).toBe(0);
});

needs('postgres')('a start with DATABASE_URL', () => {
  it('says in one line that DATA_DIR cannot hold the key for development', async () => {
    const [database, folder] = [await createDatabase(), temporaryFolder('no-folder')];
    const file = join(folder.path, 'file');
    writeFileSync(file, '');
    const env = { DATABASE_URL: database.url, DATA_DIR: file, SECRET_KEYS: randomBytes(32).toString('hex') };
    const server = spawnServer({ ...env, PORT: '0', LOG_LEVEL: 'silent' });
    expect(await server.exit).toBe(1);
    await database.drop();
    folder.remove();
    expect(lines(server.output())).toEqual([expect.stringMatching(/^sallyport: .* \(EEXIST\): check DATA_DIR /)]);
  });
});

needs('postgres')('concurrent starts', () => {
  it('migrates an empty database once when two nodes start together', async () => {
    const database = await createDatabase();
    const env = { ...(await ownStorage()), DATABASE_URL: database.url };
    const nodes = await Promise.all([startServerProcess(env), startServerProcess(env)]);
    await Promise.all(nodes.map((node) => node.end()));
    await database.drop();
    expect(nodes.map((node) => node.child.exitCode)).toEqual([0, 0]);
  });
});

/** How many connections the system lets wait at most; unknown elsewhere than on Linux. */
function somaxconn(): number {
  try {
    return Number(readFileSync('/proc/sys/net/core/somaxconn', 'utf8'));
  } catch {
    return 0;
  }
}

function listen(port: number): Promise<Server> {
  const server = createServer();
  return new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve(server)));
}

function lines(output: string): string[] {
  return output.trim().split('\n');
}
