import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { CloseCode } from '../src/protocol/close-code.js';
import { Browser } from './kit/browser.js';
import { type LiveSocket, openSocket } from '../src/testing/live-socket.js';
import { needs } from './kit/needs.js';
import { createDatabase, type TestDatabase } from './kit/postgres-database.js';
import { notify } from './kit/publish.js';
import { publishOver } from './kit/publish-over.js';
import { RedisServer } from './kit/redis-server.js';
import { type ServerProcess, startServerProcess } from './kit/server-process.js';
import { type SignedIn, startServer, type TestServer } from './kit/server.js';
import { TcpProxy } from './kit/tcp-proxy.js';
import { temporaryFolder } from './kit/temporary-folder.js';

const QUERY = 'subscription { notifications { title } }';
const QUIET = { USER_COUNT_INTERVAL_SECONDS: '3600', THROTTLE_EXEMPT: '127.0.0.1' };
/** How long the database delays the checks of a node that is back, in milliseconds. */
const DATABASE_LATER_MS = 1_000;

/** Opens a socket whose subscription is confirmed: the server sends the start position in a Ping. */
async function subscribed(url: string, token: string): Promise<LiveSocket> {
  const socket = await openSocket(url);
  await socket.init({ token, resumable: true, positions: true });
  socket.subscribe('1', QUERY);
  await socket.waitForMessage('ping');
  return socket;
}

const titles = (socket: LiveSocket): unknown[] =>
  socket.inbox.pending
    .filter(({ type }) => type === 'next')
    .map(({ payload }) => (payload as { data: { notifications: { title: string } } }).data.notifications.title);

needs('postgres', 'redis')('a node that is cut off while a user signs out elsewhere', () => {
  let database: TestDatabase;
  let redis: RedisServer;
  let toRedis: TcpProxy;
  let toDatabase: TcpProxy;
  let near: TestServer;
  let far: TestServer;

  beforeAll(async () => {
    [database, redis] = await Promise.all([createDatabase(), RedisServer.start()]);
    const there = new URL(database.url);
    [toRedis, toDatabase] = [await TcpProxy.start(redis.port), await TcpProxy.start(Number(there.port || 5432))];
    there.port = String(toDatabase.port);
    there.hostname = '127.0.0.1';
    near = await startServer({ env: { ...QUIET, DATABASE_URL: database.url, REDIS_URL: redis.url } });
    const { SECRET_KEYS = '', PUBLIC_URL = '', DATA_DIR = '' } = near.env;
    far = await startServer({
      env: {
        ...QUIET,
        ...(SECRET_KEYS ? { SECRET_KEYS } : {}),
        PUBLIC_URL,
        DATA_DIR,
        DATABASE_URL: there.href,
        REDIS_URL: `redis://127.0.0.1:${toRedis.port}`,
      },
    });
  });
  afterEach(async () => {
    toRedis.heal();
    toDatabase.heal();
    await vi.waitFor(async () => expect((await fetch(`${far.url}/readyz`)).status).toBe(200), { timeout: 15_000 });
  });
  afterAll(async () => {
    await Promise.all([far.stop(), near.stop()]);
    await Promise.all([toRedis.stop(), toDatabase.stop(), redis.remove()]);
    await database.drop();
  });

  /** Opens a socket on the node that will be cut off, and waits for an event. */
  const connected = async (): Promise<{ ada: SignedIn; socket: LiveSocket; cursor: string }> => {
    const ada = await near.signedIn();
    const socket = await subscribed(far.url, await ada.browser.token());
    await notify(near, ada.viewerId, 'before');
    const { extensions } = await socket.waitForNext('1');
    return { ada, socket, cursor: String(extensions?.['cursor']) };
  };

  it('delivers nothing that was published after the answer, when its database is back after Redis', async () => {
    for (let run = 0; run < 4; run++) {
      const { ada, socket } = await connected();
      toRedis.cut();
      toDatabase.cut();
      await ada.browser.logout();
      await notify(near, ada.viewerId, 'after the logout');
      toRedis.heal();
      await delay(DATABASE_LATER_MS);
      await notify(near, ada.viewerId, 'long after the logout');
      toDatabase.heal();
      expect((await socket.waitForClose()).code).toBe(CloseCode.Unauthorized);
      expect(titles(socket)).toEqual([]);
    }
  });

  it('delivers no such event when the link was silent but not broken', async () => {
    const { ada, socket } = await connected();
    toRedis.silence();
    await ada.browser.logout();
    await notify(near, ada.viewerId, 'after the logout');
    await delay(4_000);
    toRedis.heal();
    expect((await socket.waitForClose()).code).toBe(CloseCode.Unauthorized);
    expect(titles(socket)).toEqual([]);
  });

  it('replays no such event to a socket that subscribes while only messages are blocked', async () => {
    const { ada, socket, cursor } = await connected();
    toRedis.silence('subscribers');
    await ada.browser.logout();
    await notify(near, ada.viewerId, 'after the logout');
    socket.subscribe('2', QUERY, { extensions: { resume: cursor } });
    await delay(1_000);
    toRedis.heal();
    await socket.waitForClose();
    expect(titles(socket)).toEqual([]);
  });

  it('delivers all events to signed-in viewers, after it has checked their sessions', async () => {
    const { ada, socket } = await connected();
    toRedis.cut();
    toDatabase.cut();
    await notify(near, ada.viewerId, 'one', 'two');
    toRedis.heal();
    await vi.waitFor(async () => expect((await socket.settled()).length).toBe(0));
    await notify(near, ada.viewerId, 'three');
    toDatabase.heal();
    for (const title of ['one', 'two', 'three'])
      expect((await socket.waitForNext('1')).data).toEqual({ notifications: { title } });
  });

  it('closes sockets with 1013 when sessions cannot be checked for ten seconds', async () => {
    const { socket } = await connected();
    toRedis.cut();
    toDatabase.cut();
    toRedis.heal();
    expect((await socket.waitForClose()).code).toBe(CloseCode.TryAgainLater);
  });
});

needs('postgres')('a process that was paused', () => {
  let database: TestDatabase;
  let node: ServerProcess;
  const folder = temporaryFolder('stood-still');

  beforeAll(async () => {
    database = await createDatabase();
    node = await startServerProcess({
      ...QUIET,
      DATABASE_URL: database.url,
      DATA_DIR: folder.path,
      PUBLIC_URL: 'http://127.0.0.1:1',
      LOG_LEVEL: 'warn',
    });
  });
  afterAll(async () => {
    await node.end('SIGKILL');
    await database.drop();
    folder.remove();
  });

  it('checks its sockets’ sessions before it delivers waiting events', async () => {
    const browser = new Browser(node.url, { origin: null });
    const { id } = await browser.register();
    const socket = await subscribed(node.url, await browser.token());
    node.child.kill('SIGSTOP');
    await delay(4_000);
    const admin = new pg.Client({ connectionString: database.url });
    await admin.connect();
    await admin.query('delete from sessions where user_id = $1', [id]);
    await admin.end();
    const answer = publishOver({ url: node.url, env: { DATA_DIR: folder.path } }, `user:${id}`, 'after the end');
    node.child.kill('SIGCONT');
    expect((await socket.waitForClose()).code).toBe(CloseCode.Unauthorized);
    expect(titles(socket)).toEqual([]);
    expect((await answer).status).toBe(200);
    expect(node.output()).toContain('this process was paused');
  });
});
