import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { AppPage } from './kit/app-page.js';
import { Browser } from './kit/browser.js';
import { Chromium, screenshot } from './kit/chromium.js';
import { needs } from './kit/needs.js';
import { createDatabase, type TestDatabase } from './kit/postgres-database.js';
import { type ServerProcess, startServerProcess } from './kit/server-process.js';

const WAIT = { timeout: 25_000 };

needs('chromium', 'postgres')('the app, while its server hangs', () => {
  let database: TestDatabase;
  let chromium: Chromium;
  let server: ServerProcess;
  let app: AppPage;

  beforeAll(async () => {
    [chromium, database] = await Promise.all([Chromium.launch(), createDatabase()]);
    server = await startServerProcess({ DATABASE_URL: database.url, USER_COUNT_INTERVAL_SECONDS: '3600' });
  });

  afterAll(async () => {
    server.child.kill('SIGCONT');
    await server.end('SIGKILL');
    await chromium.close();
    await database.drop();
  });

  beforeEach(async () => {
    const who = await new Browser(server.url).register();
    app = new AppPage(await chromium.open(server.url, { viewport: { width: 375, height: 740 } }));
    await app.signIn(who);
    await app.state(/^Live$/);
  });

  afterEach(() => app.opened.context.close());

  const sideways = () => app.page.evaluate('Math.max(0, document.documentElement.scrollWidth - innerWidth)');

  it('says within seconds that it is not live, and continues when the server does', async () => {
    server.child.kill('SIGSTOP');
    const stopped = Date.now();
    await app.page.locator('.connection').filter({ hasText: 'Reconnecting' }).waitFor({ timeout: 15_000 });
    console.log(`the badge told of the hang after ${Date.now() - stopped} ms`);
    server.child.kill('SIGCONT');
    await app.page
      .locator('.connection')
      .filter({ hasText: /^Live$/ })
      .waitFor(WAIT);
  });

  it('shows a sign-out that is pending, then failed, until the server is back', async () => {
    const { page } = app;
    server.child.kill('SIGSTOP');
    await app.signOut();
    await page.getByRole('button', { name: 'Signing out' }).waitFor();
    await page.getByText('Waiting for the server to answer').waitFor();
    await page.getByText('You are still signed in').waitFor(WAIT);
    expect(await sideways()).toBe(0);
    await screenshot(page, 'hang-sign-out-failed');
    server.child.kill('SIGCONT');
    await page.getByText('You are still signed in').waitFor({ state: 'detached', ...WAIT });
  });

  it('shows on every page that a sign-out has failed, until the connection is back', async () => {
    const { page } = app;
    const stillIn = page.getByText('You are still signed in');
    await app.opened.context.setOffline(true);
    await app.signOut();
    for (const view of ['Sessions', 'Account', 'Live'] as const) {
      await app.open(view);
      await page.getByRole('heading', { name: view, exact: true }).waitFor({ state: 'attached' });
      expect(await stillIn.isVisible()).toBe(true);
      expect(await sideways()).toBe(0);
    }
    await app.opened.context.setOffline(false);
    await stillIn.waitFor({ state: 'detached', ...WAIT });
    await app.state(/^Live$/);
    for (const view of ['Sessions', 'Account'] as const) {
      await app.open(view);
      expect(await stillIn.count()).toBe(0);
    }
  });

  it('shows that sessions are loading, have failed, and loads them when the server is back', async () => {
    const { page } = app;
    server.child.kill('SIGSTOP');
    await app.open('Sessions');
    await page.getByText('Loading your sessions').waitFor();
    await page.getByText('Waiting for the server to answer').waitFor();
    await page.getByRole('button', { name: 'Try again' }).waitFor(WAIT);
    await page.getByText('The server does not answer').waitFor();
    expect(await sideways()).toBe(0);
    await screenshot(page, 'hang-sessions-failed');
    server.child.kill('SIGCONT');
    await page.getByText('This browser').waitFor(WAIT);
    expect(await page.getByRole('button', { name: 'Try again' }).count()).toBe(0);
  });

  it('shows that a form is waiting, and completes it when the server is back', async () => {
    const { page } = app;
    await app.open('Account');
    await page.getByLabel('Current password', { exact: true }).fill('not the password');
    await page.getByLabel('New password', { exact: true }).fill('another good sentence');
    server.child.kill('SIGSTOP');
    await page.getByRole('button', { name: 'Change password' }).click();
    await page.getByRole('button', { name: 'Please wait' }).waitFor();
    await page.getByText('Waiting for the server to answer').waitFor();
    server.child.kill('SIGCONT');
    await page.locator('input[name=current][aria-invalid=true]').waitFor(WAIT);
  });
});
