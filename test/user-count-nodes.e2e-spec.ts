import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Browser } from './kit/browser.js';
import { type LiveSocket, openSocket } from '../src/testing/live-socket.js';
import { needs } from './kit/needs.js';
import { createDatabase, type TestDatabase } from './kit/postgres-database.js';
import { RedisServer } from './kit/redis-server.js';
import { type ServerProcess, startServerProcess } from './kit/server-process.js';
import { SHARED_STORES } from './kit/two-nodes.js';
import { temporaryFolder } from './kit/temporary-folder.js';

const INTERVAL_MS = 1_000;
const TICKS = 5;

needs('postgres', 'redis').each(SHARED_STORES)('the user-count tick on two nodes with %s', (kind) => {
  const folder = temporaryFolder('ticks');
  let database: TestDatabase;
  let redis: RedisServer | null;
  let nodes: ServerProcess[] = [];
  let browser: Browser;

  beforeAll(async () => {
    [database, redis] = await Promise.all([createDatabase(), kind === 'redis' ? RedisServer.start() : null]);
    const env = {
      DATABASE_URL: database.url,
      ...(redis && { REDIS_URL: redis.url }),
      DATA_DIR: folder.path,
      SECRET_KEYS: randomBytes(32).toString('base64url'),
      PUBLIC_URL: 'http://127.0.0.1:1',
      USER_COUNT_INTERVAL_SECONDS: String(INTERVAL_MS / 1_000),
      LOG_LEVEL: 'warn',
    };
    nodes = await Promise.all([startServerProcess(env), startServerProcess(env)]);
    browser = new Browser(nodes[0]?.url ?? '', { origin: null });
    await browser.register();
  });
  afterAll(async () => {
    await Promise.all(nodes.map((node) => node.end('SIGKILL')));
    await redis?.remove();
    await database.drop();
    folder.remove();
  });

  async function subscribed(node: ServerProcess | undefined): Promise<LiveSocket> {
    const socket = await openSocket(node?.url ?? '', { token: await browser.token() });
    socket.subscribe('1', 'subscription { userCount }');
    return socket;
  }

  it('reaches a viewer on both once per interval, and continues within two intervals when a node dies', async () => {
    const sockets = [await subscribed(nodes[0]), await subscribed(nodes[1])] as [LiveSocket, LiveSocket];
    // The first value may be from an earlier tick.
    await Promise.all(sockets.map((socket) => socket.waitForNext('1')));
    const startedMs = performance.now();
    for (let tick = 0; tick < TICKS; tick++) await Promise.all(sockets.map((socket) => socket.waitForNext('1')));
    expect(performance.now() - startedMs).toBeGreaterThan((TICKS - 1.5) * INTERVAL_MS);
    expect(performance.now() - startedMs).toBeLessThan((TICKS + 2) * INTERVAL_MS);

    await nodes[0]?.end('SIGKILL');
    const killedMs = performance.now();
    await sockets[1].waitForNext('1');
    expect(performance.now() - killedMs).toBeLessThan(2 * INTERVAL_MS);
    await sockets[1].waitForNext('1');
  });
});
