import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { Invitations } from '../src/identity/accounts/invitations.js';
import { ApiKeys } from '../src/identity/api-keys/api-keys.service.js';
import { ApiKeyStore } from '../src/identity/api-keys/api-key.store.js';
import { AuditRecorder } from '../src/identity/audit/audit-recorder.js';
import { AuditStore } from '../src/identity/audit/audit.store.js';
import { SessionSweeper } from '../src/identity/sessions/session-sweeper.js';
import { ConsoleSessionStore } from '../src/server/console/console-session.store.js';
import { Browser } from './kit/browser.js';
import { openSocket } from '../src/testing/live-socket.js';
import { requireNeed, needs } from './kit/needs.js';
import { createDatabase } from './kit/postgres-database.js';
import { startServer } from './kit/server.js';
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

needs('postgres')('a node whose wall clock is far ahead', () => {
  it('removes no sessions, invitations, console sessions and audit events of the others', async () => {
    const database = await createDatabase();
    const server = await startServer({ env: { DATABASE_URL: database.url, REGISTRATION: 'open' } });
    const of = <T>(type: new (...values: never[]) => T): T => server.app.get(type, { strict: false });
    const { browser, id } = await server.signedIn();
    await of(ApiKeys).create('operator', ['console']);
    const [key] = await of(ApiKeyStore).list();
    const consoles = of(ConsoleSessionStore);
    const openConsole = (secretHash: string) => consoles.open({ id: randomUUID(), secretHash, keyId: key!.id }, null);
    await openConsole('first');
    const invitation = await of(Invitations).create(7);
    await of(AuditRecorder).flush();

    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 400 * 86_400_000 });
    await of(SessionSweeper).sweep();
    await of(AuditRecorder).retain();
    await of(Invitations).create(7);
    await openConsole('second');
    vi.useRealTimers();

    expect((await browser.me())?.user.id).toBe(id);
    expect((await of(Invitations).list()).map((known) => known.id)).toContain(invitation.id);
    expect(await consoles.find('first')).not.toBeNull();
    expect(await of(AuditStore).oldest({ event: 'registered', limit: 1 })).toHaveLength(1);
    await server.stop();
    await database.drop();
  });
});
