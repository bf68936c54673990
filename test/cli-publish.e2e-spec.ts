import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { freePort } from '../scripts/free-port.mjs';
import { newApiKey } from '../src/identity/api-keys/api-key.js';
import { developmentKeyFile } from '../src/identity/api-keys/development-key.js';
import { SessionWatch } from '../src/live/sessions/session-watch.js';
import { CloseCode } from '../src/protocol/close-code.js';
import { openSocket } from '../src/testing/live-socket.js';
import { needs } from './kit/needs.js';
import { createDatabase, type TestDatabase } from './kit/postgres-database.js';
import { RedisServer } from './kit/redis-server.js';
import { spawnServer } from './kit/server-process.js';
import { startServer, type TestServer } from './kit/server.js';
import { temporaryFolder } from './kit/temporary-folder.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const NOTIFICATION = JSON.stringify({ kind: 'hello', title: 'Hello' });

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function cli(env: Readonly<Record<string, string>>, ...args: string[]): Promise<Ran> {
  const options = { cwd: ROOT, env: { PATH: process.env['PATH'] ?? '', ...env } };
  return promisify(execFile)(process.execPath, ['dist/server/cli/main.js', ...args], options).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }: Ran) => ({ code, stdout, stderr }),
  );
}

it.each([
  [['--url', 'example.com'], /Give an address such as http/],
  [['--key-file', '/nowhere/key'], /The key file \/nowhere\/key cannot be read \(ENOENT\)/],
])('`publish` with %j says what is wrong', async (options, message) => {
  const ran = await cli({}, 'publish', 'notifications', 'user:1', NOTIFICATION, ...options);
  expect(ran).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(message) });
});

needs('postgres', 'redis')('the commands, with two servers on one Redis and one PostgreSQL', () => {
  let database: TestDatabase;
  let redis: RedisServer;
  let one: TestServer;
  let two: TestServer;

  beforeAll(async () => {
    [database, redis] = await Promise.all([createDatabase(), RedisServer.start()]);
    const env = {
      DATABASE_URL: database.url,
      REDIS_URL: redis.url,
      SECRET_KEYS: randomBytes(32).toString('base64url'),
      USER_COUNT_INTERVAL_SECONDS: '3600',
    };
    [one, two] = [await startServer({ env }), await startServer({ env })];
  });
  afterAll(async () => {
    await Promise.all([one.stop(), two.stop()]);
    await redis.remove();
    await database.drop();
  });

  it('publish through the second server to a socket on the first, with the development key', async () => {
    const ada = await one.signedIn();
    const socket = await openSocket(one.url, { token: await ada.browser.token() });
    socket.subscribe('1', 'subscription { notifications { kind title } }');
    await socket.settled();
    const { stdout } = await cli(two.env, '--json', 'publish', 'notifications', ada.viewerId, NOTIFICATION);
    expect(JSON.parse(stdout)).toEqual({ cursor: expect.any(String) });
    expect((await socket.waitForNext('1')).data).toEqual({ notifications: JSON.parse(NOTIFICATION) });
    await socket.close();
  });

  it('publish in production with a key that exists only during the command', async () => {
    const { viewerId } = await one.signedIn();
    const env = { ...two.env, NODE_ENV: 'production' };
    expect(await cli(env, 'publish', 'user_count', viewerId, '7')).toMatchObject({ code: 0 });
    const { stdout } = await cli(env, '--json', 'api-key', 'list');
    expect(stdout).not.toContain('"cli-');
  });

  it('publish with such a key too where the server does not know the development key in DATA_DIR', async () => {
    const { viewerId } = await one.signedIn();
    const folder = temporaryFolder('other-key');
    writeFileSync(developmentKeyFile(folder.path), newApiKey());
    const env = { ...two.env, DATA_DIR: folder.path };
    expect(await cli(env, 'publish', 'user_count', viewerId, '7')).toMatchObject({ code: 0 });
    const keyFile = developmentKeyFile(folder.path);
    const refused = await cli(env, 'publish', 'user_count', viewerId, '7', '--key-file', keyFile);
    expect(refused).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`does not accept the API key in ${keyFile}`),
    });
    folder.remove();
  });

  it('publish nothing with an empty idempotency key, such as that of a script whose variable is empty', async () => {
    const { viewerId } = await one.signedIn();
    const refused = await cli(one.env, 'publish', 'user_count', viewerId, '7', '--key', '');
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('key must be') });
  });

  it('create a key, show it once, list it without its secret, and revoke it', async () => {
    const { stdout } = await cli(one.env, 'api-key', 'create', 'shop', '--json');
    const made = JSON.parse(stdout) as { name: string; key: string };
    expect(made).toEqual({ name: 'shop', key: expect.stringMatching(/^sallyport_key_/) });
    expect(await cli(one.env, 'api-key', 'create', 'shop')).toMatchObject({ code: 1 });
    const status = async () => {
      const headers = { authorization: `Bearer ${made.key}`, 'content-type': 'application/json' };
      return (await fetch(`${two.url}/publish`, { method: 'POST', headers, body: '{"events":[]}' })).status;
    };
    expect(await status()).toBe(200);
    const listed = await cli(one.env, 'api-key', 'list');
    expect(listed.stdout).toContain('shop');
    expect(listed.stdout).not.toContain(made.key);
    expect(await cli(one.env, 'api-key', 'revoke', 'shop')).toMatchObject({ code: 0 });
    expect(await cli(one.env, 'api-key', 'revoke', 'shop')).toMatchObject({ code: 1 });
    await expect.poll(status, { timeout: 2_500 }).toBe(401);
  });

  it('create a key with scopes, and report an unknown scope', async () => {
    const allow = 'publish:notifications,tokens:acme,disconnect';
    const { stdout } = await cli(one.env, 'api-key', 'create', 'acme', '--allow', allow, '--json');
    const { key } = JSON.parse(stdout) as { key: string };
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const body = JSON.stringify({ viewer: 'external:acme:1234' });
    expect((await fetch(`${one.url}/tokens`, { method: 'POST', headers, body })).status).toBe(200);
    expect((await cli(one.env, 'api-key', 'list')).stdout).toContain(allow);
    const wrong = await cli(one.env, 'api-key', 'create', 'more', '--allow', 'publish,everything');
    expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining('There is no scope "everything"') });
  });

  it.each([
    ['an unknown topic', ['nonsense', 'user:x', '1'], /topic must be one of/],
    ['an invalid viewer id', ['user_count', 'user:x', '1'], /viewer must be a viewer id/],
    ['a payload that is no JSON', ['user_count', 'user:x', '{'], /must be JSON/],
  ])('say in one line what is wrong with %s', async (_, args, message) => {
    const { code, stderr } = await cli(one.env, 'publish', ...args);
    expect([code, stderr.trim().split('\n').length]).toEqual([1, 1]);
    expect(stderr).toMatch(message);
  });
});

needs('postgres')('the commands, with a server on PostgreSQL alone', () => {
  it('end sessions on the server at once: it is told, and does not have to ask', async () => {
    const database = await createDatabase();
    const server = await startServer({ env: { DATABASE_URL: database.url, USER_COUNT_INTERVAL_SECONDS: '3600' } });
    vi.spyOn(server.app.get(SessionWatch, { strict: false }), 'check').mockResolvedValue();
    const ada = await server.signedIn();
    const socket = await ada.socket();
    const { stdout } = await cli(server.env, '--json', 'sessions', 'revoke', ada.email);
    expect(JSON.parse(stdout)).toEqual({ endedSessions: 1, nodesTold: true });
    expect((await socket.waitForClose()).code).toBe(CloseCode.Unauthorized);
    await server.stop();
    await database.drop();
  });
});

describe('a start while Redis is unavailable', () => {
  it('tries for ten seconds with one line in the log, then exits with one more line and an exit code', async () => {
    const folder = temporaryFolder('redis-away');
    const redis = `redis://:hunter2@127.0.0.1:${await freePort()}`;
    const server = spawnServer({ DATA_DIR: folder.path, REDIS_URL: redis, PORT: '0' });
    expect(await server.exit).toBe(1);
    folder.remove();
    const lines = server.output().trim().split('\n');
    expect(lines.filter((line) => line.includes('Redis is unavailable: trying for 10 seconds'))).toHaveLength(1);
    expect(lines.at(-1)).toMatch(/^sallyport: Redis at 127\.0\.0\.1:\d+ cannot be used \(ECONNREFUSED\)\. Start it/);
    expect(lines).toHaveLength(2);
    expect(server.output()).not.toContain('hunter2');
  });
});
