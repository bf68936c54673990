import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { needs } from './kit/needs.js';
import { createDatabase, type TestDatabase } from './kit/postgres-database.js';
import { publishOver } from './kit/publish-over.js';
import { startServer, type TestServer } from './kit/server.js';
import { TcpProxy } from './kit/tcp-proxy.js';

needs('postgres')('POST /publish while the database', () => {
  let database: TestDatabase;
  let wire: TcpProxy;
  let server: TestServer;
  let viewer: string;

  beforeAll(async () => {
    database = await createDatabase();
    const url = new URL(database.url);
    wire = await TcpProxy.start(Number(url.port || 5432));
    [url.hostname, url.port] = ['127.0.0.1', String(wire.port)];
    // The database is not the store, but without it nothing can be published.
    const env = { DATABASE_URL: url.href, STORE: 'memory', USER_COUNT_INTERVAL_SECONDS: '3600' };
    server = await startServer({ env });
    viewer = (await server.signedIn()).viewerId;
  });
  afterAll(async () => {
    wire.heal();
    await server.stop();
    await wire.stop();
    await database.drop();
  });
  const publishes = async () => (await publishOver(server, viewer)).status;
  const moveClock = () => {
    const now = performance.now.bind(performance);
    return vi.spyOn(performance, 'now').mockImplementation(() => now() + aheadMs);
  };
  let aheadMs = 0;

  it('is unavailable accepts a previously verified key for a minute and no longer', async () => {
    const clock = moveClock();
    try {
      expect(await publishes()).toBe(200);
      wire.cut();
      aheadMs = 5_000;
      expect(await publishes()).toBe(200);
      aheadMs = 61_000;
      expect(await publishes()).toBe(503);
      wire.heal();
      await vi.waitFor(async () => expect(await publishes()).toBe(200), { timeout: 10_000 });
    } finally {
      clock.mockRestore();
    }
  });

  it('hangs does not wait for it', async () => {
    await vi.waitFor(async () => expect(await publishes()).toBe(200), { timeout: 10_000 });
    const clock = moveClock();
    try {
      aheadMs = 65_000;
      await vi.waitFor(async () => expect(await publishes()).toBe(200), { timeout: 10_000 });
      aheadMs = 70_000;
      wire.silence();
      const answers = await Promise.race([
        Promise.all([publishes(), publishes(), publishes()]),
        new Promise((resolve) => setTimeout(() => resolve('too late'), 5_000)),
      ]);
      expect(answers).toEqual([200, 200, 200]);
    } finally {
      clock.mockRestore();
    }
  });
});
