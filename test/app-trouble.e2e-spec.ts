import { beforeEach, describe, expect, it } from 'vitest';
import { ConnectionRegistry } from '../src/live/gateway/connection/connection-registry.js';
import { CloseCode } from '../src/protocol/close-code.js';
import type { AppPage } from './kit/app-page.js';
import { appFixture } from './kit/app-fixture.js';
import { newCredentials } from './kit/browser.js';
import { needs } from './kit/needs.js';
import { notify, publishCount } from './kit/publish.js';
import type { SignedIn } from './kit/server.js';

const LOGIN = 'mutation ($email: String!, $password: String!) { login(email: $email, password: $password) { id } }';

needs('chromium')('the app, in trouble', () => {
  const fixture = appFixture();
  let who: SignedIn;

  beforeEach(async () => {
    who = await fixture.server.signedIn();
  });

  async function visit(by?: SignedIn): Promise<AppPage> {
    const page = await fixture.visit();
    if (by) await page.signIn(by);
    return page;
  }

  it('says so when the server is unavailable at the start, and recovers automatically', async () => {
    const page = await visit();
    await page.signInForm();
    await page.page.route('**/graphql', (route) => route.abort());
    await page.page.reload();
    await page.page.getByRole('heading', { name: 'The server does not answer' }).waitFor();
    await page.page.unroute('**/graphql');
    await page.signInForm();
  });

  it('says so in the form when the server becomes unavailable while the user types, and keeps the form', async () => {
    const page = await visit();
    const asks = () =>
      page.page.waitForEvent('requestfailed', (request) => request.postData()?.includes('query Me') ?? false);
    await page.page.route('**/graphql', (route) => route.abort());
    await page.signIn(who);
    await page.page.getByText('The server does not answer. Check the connection and try again.').waitFor();
    // When the page asks for the second time, it has acted on the first failure.
    await asks();
    await asks();
    await page.page.unroute('**/graphql');
    await page.page.getByRole('button', { name: 'Sign in' }).click();
    await page.state('Live');
  });

  it('waits while the browser is offline, and does not miss even the first notification', async () => {
    const page = await visit(who);
    await publishCount(fixture.server, who.viewerId, 1);
    await page.count(1);
    await page.opened.context.setOffline(true);
    await page.state('Offline');
    await notify(fixture.server, who.viewerId, 'While you were away');
    await page.opened.context.setOffline(false);
    await page.state(/^Live$/);
    await page.notification('While you were away');
  });

  it('continues after the laptop has slept for an hour', async () => {
    const page = await visit();
    await page.page.clock.install();
    await page.page.reload();
    await page.signIn(who);
    await page.state('Live');
    await publishCount(fixture.server, who.viewerId, 3);
    await page.count(3);
    await page.page.clock.fastForward('01:00:00');
    await notify(fixture.server, who.viewerId, 'Good morning');
    await page.notification('Good morning');
    await page.page.clock.runFor(30_000);
    await page.state('Live');
    await publishCount(fixture.server, who.viewerId, 4);
    await page.page.clock.runFor(1_000);
    await page.count(4);
  });

  it('shows the sign-in page when the session has ended on the server', async () => {
    const page = await visit(who);
    await page.state('Live');
    await page.query('mutation { logout }');
    await page.signInForm();
    await page.page.getByText('You were signed out elsewhere').waitFor();
  });

  describe('with a token endpoint', () => {
    const failures: [string, { status: number; body: string; headers?: Record<string, string> }][] = [
      ['that answers 500', { status: 500, body: 'oops' }],
      ['that answers 429', { status: 429, body: '{}', headers: { 'retry-after': '1' } }],
      ['that answers garbage', { status: 200, body: '<html>' }],
    ];

    it.each(failures)('%s goes live as soon as it recovers', async (_, failure) => {
      const page = await visit();
      let refused = 0;
      await page.page.route('**/graphql', async (route) => {
        const isToken = route.request().postData()?.includes('LiveToken') ?? false;
        if (!isToken || refused >= 2) return route.continue();
        refused += 1;
        return route.fulfill(failure);
      });
      await page.signIn(who);
      await page.state('Connecting');
      await page.state(/^Live$/);
      expect(refused).toBe(2);
      await publishCount(fixture.server, who.viewerId, 5);
      await page.count(5);
    });
  });

  it('shows the new user when another user has signed in outside the page while it was reconnecting', async () => {
    const page = await visit(who);
    await page.state('Live');
    let release = (): void => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    await page.page.route('**/graphql', async (route) => {
      if (route.request().postData()?.includes('LiveToken')) await held;
      await route.continue();
    });
    for (const connection of fixture.server.app.get(ConnectionRegistry).all)
      connection.close(CloseCode.ServiceRestart, '');
    await page.state('Reconnecting');
    const bob = await fixture.server.browser().register(newCredentials('bob'));
    await page.query(LOGIN, { email: bob.email, password: bob.password });
    release();
    await page.page.locator('.who-email').filter({ hasText: bob.email }).waitFor();
    await page.state(/^Live$/);
  });

  it('shows the new user when another user signs in in another tab', async () => {
    const page = await visit(who);
    await page.state('Live');
    const bob = await fixture.server.browser().register(newCredentials('bob'));
    await page.query(LOGIN, { email: bob.email, password: bob.password });
    await page.page.evaluate("new BroadcastChannel('sallyport-account').postMessage('changed')");
    await page.page.locator('.who-email').filter({ hasText: bob.email }).waitFor();
    await page.state('Live');
    await publishCount(fixture.server, `user:${bob.id}`, 7);
    await page.count(7);
  });
});
