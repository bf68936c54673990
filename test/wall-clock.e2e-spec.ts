import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Browser } from './kit/browser.js';
import { openSocket } from '../src/testing/live-socket.js';
import { requireNeed, needs } from './kit/needs.js';
import { createDatabase } from './kit/postgres-database.js';
import { type ServerProcess, startServerProcess } from './kit/server-process.js';
import { temporaryFolder } from './kit/temporary-folder.js';

needs('faketime', 'postgres')('a node whose wall clock is changed while it runs', () => {
  const folder = temporaryFolder('clock');
  const clock = join(folder.path, 'offset');
  let server: ServerProcess;
  let dropDatabase: () => Promise<void>;

  beforeAll(async () => {
    const database = await createDatabase();
    dropDatabase = database.drop;
    setClock('+300');
    server = await startServerProcess({
      DATABASE_URL: database.url,
      DATA_DIR: folder.path,
      NODE_ENV: 'development',
      USER_COUNT_INTERVAL_SECONDS: '1',
      LD_PRELOAD: requireNeed('faketime'),
      FAKETIME_TIMESTAMP_FILE: clock,
      FAKETIME_NO_CACHE: '1',
      // On a real machine, steps of the wall clock do not affect the monotonic clock.
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    });
  });

  afterAll(async () => {
    await server.end('SIGKILL');
    await dropDatabase();
    folder.remove();
  });

  function setClock(offset: string): void {
    writeFileSync(clock, `${offset}\n`);
  }

  /** Returns the milliseconds until a new token expires, which shows the node's own clock. */
  async function tokenEndsInMs(browser: Browser): Promise<number> {
    const { me } = await browser.query<{ me: { tokenExpiresAt: string } }>('{ me { tokenExpiresAt } }');
    return Date.parse(me.tokenExpiresAt) - Date.now();
  }

  it("warns at its start that its clock differs from the database's", async () => {
    await expect.poll(() => server.output()).toMatch(/"store":"database","seconds":-(?:299|300|301),/);
  });

  it.each(['-60', '+300', '-300', '+0'])(
    'keeps its sockets, budgets and events after a step of %s s',
    async (offset) => {
      setClock('+0');
      const browser = new Browser(server.url);
      await browser.register();
      const socket = await openSocket(server.url, { token: await browser.token() });
      socket.subscribe('1', 'subscription { userCount }');
      await socket.waitForNext('1');
      for (let sent = 0; sent < 10; sent++) await socket.settled();

      setClock(offset);
      const stepMs = (await tokenEndsInMs(browser)) - 60_000;
      expect(Math.abs(stepMs - Number(offset) * 1000)).toBeLessThan(5000);
      for (let sent = 0; sent < 50; sent++) await socket.settled();
      for (let events = 0; events < 3; events++) await socket.waitForNext('1');
      const another = await openSocket(server.url, { token: await browser.token() });
      await another.settled();
      await Promise.all([socket.close(), another.close()]);
    },
  );
});
