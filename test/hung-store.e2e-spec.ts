import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { CloseCode } from '../src/protocol/close-code.js';
import { type LiveSocket, openSocket } from '../src/testing/live-socket.js';
import { needs } from './kit/needs.js';
import { createDatabase, type TestDatabase } from './kit/postgres-database.js';
import { type SignedIn, startServer, type TestServer } from './kit/server.js';
import { TcpProxy } from './kit/tcp-proxy.js';

const REFUSALS: readonly number[] = [CloseCode.ConnectionInitialisationTimeout, CloseCode.TryAgainLater];
/** docs/lifecycle.md allows 5 s from the upgrade to the ack. The rest allows for a busy machine; a socket that hangs would never end. */
const ENDED_WITHIN_MS = 15_000;
/** A slow client: `connection_init` is accepted for 3 s. */
const LATE_INIT_MS = 2_500;

needs('postgres')('WS-1 while the lookup of a token hangs', () => {
  let database: TestDatabase;
  let toDatabase: TcpProxy;
  let locker: pg.Client;
  let server: TestServer;
  let ada: SignedIn;

  beforeAll(async () => {
    database = await createDatabase();
    const proxied = new URL(database.url);
    toDatabase = await TcpProxy.start(Number(proxied.port || 5432));
    proxied.host = `127.0.0.1:${toDatabase.port}`;
    locker = new pg.Client({ connectionString: database.url });
    await locker.connect();
    server = await startServer({ env: { DATABASE_URL: proxied.href, USER_COUNT_INTERVAL_SECONDS: '3600' } });
    ada = await server.signedIn('ada');
  });
  afterEach(async () => {
    await locker.query('rollback');
    toDatabase.heal();
  });
  afterAll(async () => {
    await server.stop();
    await locker.end();
    await toDatabase.stop();
    await database.drop();
  });

  /** Blocks reads of the sessions until the test ends. */
  async function lockSessions(): Promise<void> {
    await locker.query('begin');
    await locker.query('lock table sessions in access exclusive mode');
  }

  async function introduced(token: string): Promise<LiveSocket> {
    const socket = await openSocket(server.url);
    socket.send({ type: 'connection_init', payload: { token } });
    return socket;
  }

  /** Returns the close code of a socket and the milliseconds until its end. */
  async function ending(socket: Promise<LiveSocket>): Promise<{ code: number; afterMs: number }> {
    const openedAt = performance.now();
    const { code } = await (await socket).waitForClose();
    return { code, afterMs: performance.now() - openedAt };
  }

  it.each<[string, () => void | Promise<void>]>([
    ['because a table is locked', lockSessions],
    ['because nothing comes back from the database', () => toDatabase.silence()],
  ])('a socket is closed, %s, and the others stay open', async (_, hang) => {
    const token = await ada.browser.token();
    const bystander = await openSocket(server.url, { token });
    await hang();
    const endings = Promise.all(Array.from({ length: 30 }, () => ending(introduced(token))));
    await bystander.settled();
    for (const { code, afterMs } of await endings) {
      expect(REFUSALS).toContain(code);
      expect(afterMs).toBeLessThan(ENDED_WITHIN_MS);
    }
    await bystander.settled();
    await bystander.close();
  });

  it('counts the time from the opening, not from the init', async () => {
    const token = await ada.browser.token();
    await lockSessions();
    const socket = await openSocket(server.url);
    await delay(LATE_INIT_MS);
    socket.send({ type: 'connection_init', payload: { token } });
    expect((await socket.waitForClose()).code).toBe(CloseCode.ConnectionInitialisationTimeout);
  });

  it.each<[string, () => void | Promise<void>, () => void | Promise<unknown>]>([
    ['unlocked', lockSessions, () => locker.query('rollback')],
    ['heard again', () => toDatabase.silence(), () => toDatabase.heal()],
  ])('hanging queries block nothing once the database is %s', async (_, hang, resume) => {
    const token = await ada.browser.token();
    await hang();
    const hung = Array.from({ length: 10 }, () => introduced(token));
    const first = await hung[0];
    await first?.waitForClose();
    await resume();
    await vi.waitFor(async () => expect((await fetch(`${server.url}/readyz`)).status).toBe(200), { timeout: 30_000 });
    const socket = await openSocket(server.url, { token });
    await socket.settled();
    await socket.close();
    for (const other of await Promise.all(hung)) other.ws.terminate();
  });
});
