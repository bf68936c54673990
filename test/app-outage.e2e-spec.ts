import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { AppPage } from './kit/app-page.js';
import { someone } from './kit/browser.js';
import { Chromium, picture } from './kit/chromium.js';
import { needs } from './kit/needs.js';
import { notify, publishCount } from './kit/publish.js';
import { RedisServer } from './kit/redis-server.js';
import { startServer, type SignedIn, type TestServer } from './kit/server.js';
import { createDatabase, type TestDatabase } from './kit/postgres-database.js';

const ENV = { USER_COUNT_INTERVAL_SECONDS: '3600' };

let chromium: Chromium;
let app: AppPage | undefined;

async function visit(url: string, who?: SignedIn): Promise<AppPage> {
  app = new AppPage(await chromium.open(url));
  if (who) await app.signIn(who);
  return app;
}

afterEach(async () => {
  const { opened } = app ?? {};
  await opened?.context.close();
  expect(opened?.faults ?? []).toEqual([]);
});

needs(
  'chromium',
  'postgres',
  'redis',
)('the app, when its server is replaced under the open page', () => {
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

  it('gets, once, the notification that was published meanwhile', async () => {
    const shared = {
      ...ENV,
      DATABASE_URL: database.url,
      REDIS_URL: redis.url,
      SECRET_KEYS: randomBytes(32).toString('base64url'),
    };
    const first = await startServer({ env: shared });
    const who = await first.signedIn();
    const page = await visit(first.url, who);
    await page.state('Live');
    await notify(first, who.viewerId, 'Before');
    await page.notification('Before');

    await first.stop();
    await page.state('Reconnecting, nothing will be missed');
    await picture(page.page, 'app-reconnecting');
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
    await Promise.all([elsewhere.stop(), second.stop()]);
  });
});

needs('chromium')('the app, in trouble', () => {
  let server: TestServer;
  let who: SignedIn;

  beforeAll(async () => {
    [chromium, server] = await Promise.all([Chromium.launch(), startServer({ env: ENV })]);
  });

  beforeEach(async () => {
    who = await server.signedIn();
  });

  afterAll(async () => {
    await chromium.close();
    await server.stop();
  });

  it('says so when nothing is there at the start, and goes on by itself', async () => {
    const page = await visit(server.url);
    await page.entrance();
    await page.page.route('**/graphql', (route) => route.abort());
    await page.page.reload();
    await page.page.getByRole('heading', { name: 'The server does not answer' }).waitFor();
    await page.page.unroute('**/graphql');
    await page.entrance();
  });

  it('says so in the form when the server is lost while somebody types', async () => {
    const page = await visit(server.url);
    await page.page.route('**/graphql', (route) => route.abort());
    await page.signIn(who);
    await page.page.getByText('The server does not answer. Check the connection and try again.').waitFor();
    await page.page.unroute('**/graphql');
    await page.page.getByRole('button', { name: 'Sign in' }).click();
    await page.state('Live');
  });

  it('waits while the browser is offline, and misses not even the first notification', async () => {
    const page = await visit(server.url, who);
    await publishCount(server, who.viewerId, 1);
    await page.count(1);
    await page.opened.context.setOffline(true);
    await page.state('Offline');
    await notify(server, who.viewerId, 'While you were away');
    await page.opened.context.setOffline(false);
    await page.state(/^Live$/);
    await page.notification('While you were away');
  });

  it('goes on after the laptop has slept for an hour', async () => {
    const page = await visit(server.url);
    await page.page.clock.install();
    await page.page.reload();
    await page.signIn(who);
    await page.state('Live');
    await publishCount(server, who.viewerId, 3);
    await page.count(3);
    await page.page.clock.fastForward('01:00:00');
    await notify(server, who.viewerId, 'Good morning');
    await page.notification('Good morning');
    await page.page.clock.runFor(30_000);
    await page.state('Live');
    await publishCount(server, who.viewerId, 4);
    await page.page.clock.runFor(1_000);
    await page.count(4);
  });

  it('leads to the entrance when the session has ended on the server', async () => {
    const page = await visit(server.url, who);
    await page.state('Live');
    await page.page.request.post(`${server.url}/graphql`, { data: { query: 'mutation { logout }' } });
    await page.entrance();
    await page.page.getByText('You were signed out elsewhere').waitFor();
  });

  describe('with a token endpoint', () => {
    const troubles: [string, { status: number; body: string; headers?: Record<string, string> }][] = [
      ['that answers 500', { status: 500, body: 'oops' }],
      ['that answers 429', { status: 429, body: '{}', headers: { 'retry-after': '1' } }],
      ['that answers garbage', { status: 200, body: '<html>' }],
    ];

    it.each(troubles)('%s goes live as soon as it recovers', async (_, trouble) => {
      const page = await visit(server.url);
      let refused = 0;
      await page.page.route('**/graphql', async (route) => {
        const isToken = route.request().postData()?.includes('LiveToken') ?? false;
        if (!isToken || refused >= 2) return route.continue();
        refused += 1;
        return route.fulfill(trouble);
      });
      await page.signIn(who);
      await page.state('Connecting');
      await page.state(/^Live$/);
      expect(refused).toBe(2);
      await publishCount(server, who.viewerId, 5);
      await page.count(5);
    });
  });

  it('takes another person for what they are when somebody signs in as them in another tab', async () => {
    const page = await visit(server.url, who);
    await page.state('Live');
    const bob = await server.browser().register(someone('bob'));
    const data = {
      query: 'mutation ($email: String!, $password: String!) { login(email: $email, password: $password) { id } }',
      variables: { email: bob.email, password: bob.password },
    };
    await page.page.request.post(`${server.url}/graphql`, { data });
    await page.page.evaluate("new BroadcastChannel('sallyport-account').postMessage('changed')");
    await page.page.locator('.who-email').filter({ hasText: bob.email }).waitFor();
    await page.state('Live');
    await publishCount(server, `user:${bob.id}`, 7);
    await page.count(7);
  });
});
