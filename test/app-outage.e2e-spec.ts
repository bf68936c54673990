import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { AppPage } from './kit/app-page.js';
import { Chromium, screenshot } from './kit/chromium.js';
import { needs } from './kit/needs.js';
import { notify } from './kit/publish.js';
import { RedisServer } from './kit/redis-server.js';
import { startServer } from './kit/server.js';
import { createDatabase, type TestDatabase } from './kit/postgres-database.js';

const ENV = { USER_COUNT_INTERVAL_SECONDS: '3600' };

needs(
  'chromium',
  'postgres',
  'redis',
)('the app, when its server is replaced under the open page', () => {
  let chromium: Chromium;
  let redis: RedisServer;
  let database: TestDatabase;

  beforeAll(async () => {
    [chromium, redis, database] = await Promise.all([Chromium.launch(), RedisServer.start(), createDatabase()]);
  });

  afterAll(async () => {
    await chromium.close();
    await redis.remove();
    await database.drop();
  });

  it('gets the notification that was published in the meantime, once', async () => {
    const shared = {
      ...ENV,
      DATABASE_URL: database.url,
      REDIS_URL: redis.url,
      SECRET_KEYS: randomBytes(32).toString('base64url'),
    };
    const first = await startServer({ env: shared });
    const who = await first.signedIn();
    const page = new AppPage(await chromium.open(first.url));
    await page.signIn(who);
    await page.state('Live');
    await notify(first, who.viewerId, 'Before');
    await page.notification('Before');

    await first.stop();
    await page.state('Reconnecting. You will get what you missed');
    await screenshot(page.page, 'app-reconnecting');
    const elsewhere = await startServer({ env: { ...shared, PUBLIC_URL: first.url } });
    await notify(elsewhere, who.viewerId, 'Meanwhile');
    const { PORT } = first.env as { PORT: string };
    const second = await startServer({ env: { ...shared, PORT } });
    await page.state(/^Live$/);
    await page.notification('Meanwhile');
    await notify(second, who.viewerId, 'After');
    await page.notification('After');
    const titles = await page.page.locator('.row strong').allInnerTexts();
    expect(titles).toEqual(['After', 'Meanwhile', 'Before']);
    expect(page.opened.faults).toEqual([]);
    await Promise.all([elsewhere.stop(), second.stop()]);
  });
});
