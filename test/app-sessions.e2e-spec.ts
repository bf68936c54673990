import { beforeEach, expect, it } from 'vitest';
import { AppPage } from './kit/app-page.js';
import { appFixture } from './kit/app-fixture.js';
import { screenshot } from './kit/chromium.js';
import { needs } from './kit/needs.js';
import { notify, publishCount } from './kit/publish.js';
import type { SignedIn } from './kit/server.js';

const PHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18.0 Mobile/15E148 Safari/604.1';

needs('chromium')('one person in two browsers', () => {
  const fixture = appFixture();
  let who: SignedIn;
  let desktop: AppPage;
  let phone: AppPage;

  beforeEach(async () => {
    who = await fixture.server.signedIn();
    await who.browser.logout();
    [desktop, phone] = await Promise.all([visit(), visit(PHONE)]);
  });

  async function visit(userAgent?: string): Promise<AppPage> {
    const app = await fixture.visit(userAgent ? { userAgent } : {});
    await app.signIn(who);
    await app.state('Live');
    return app;
  }

  /** Checks that the page still receives events. */
  async function stillLive(app: AppPage, value: number): Promise<void> {
    await app.open('Live');
    await publishCount(fixture.server, who.viewerId, value);
    await app.count(value);
  }

  it('signs out the other one, which shows the sign-in page at once', async () => {
    await desktop.open('Sessions');
    await desktop.page.getByRole('heading', { name: 'Safari on iPhone' }).waitFor();
    await desktop.page.getByRole('heading', { name: 'Chrome on Linux This browser' }).waitFor();
    await screenshot(desktop.page, 'sessions-two-browsers');
    const pressed = Date.now();
    await desktop.page.getByRole('button', { name: 'Sign out: Safari on iPhone' }).click();
    await phone.signInForm();
    console.log(`the other browser was out ${Date.now() - pressed} ms after the press`);
    await phone.page.getByText('You were signed out elsewhere').waitFor();
    await desktop.page.getByText('Signed out Safari on iPhone.').waitFor();
    expect(await desktop.page.locator('.session').count()).toBe(1);
    await stillLive(desktop, 3);
  });

  it('signs out all others at once', async () => {
    await desktop.open('Sessions');
    await desktop.page.getByRole('button', { name: 'Sign out all other sessions' }).click();
    await phone.signInForm();
    await desktop.page.getByText('Signed out 1 other session.').waitFor();
    await stillLive(desktop, 4);
  });

  it('changes the password: the other one is signed out, this one stays live and misses nothing', async () => {
    await notify(fixture.server, who.viewerId, 'Before');
    await desktop.notification('Before');
    await desktop.open('Account');
    const { page } = desktop;
    await page.getByLabel('Current password', { exact: true }).fill('not the password');
    await page.getByLabel('New password', { exact: true }).fill('another good sentence');
    await page.getByRole('button', { name: 'Change password' }).click();
    await page.locator('input[name=current][aria-invalid=true]:focus').waitFor();
    await page.getByLabel('Current password', { exact: true }).fill(who.password);
    await page.getByLabel('New password', { exact: true }).fill('another good sentence');
    await page.getByRole('button', { name: 'Change password' }).click();
    await page.getByText('Password changed.').waitFor();
    await phone.signInForm();
    await stillLive(desktop, 5);
    await notify(fixture.server, who.viewerId, 'After');
    await desktop.notification('After');
    await phone.signIn({ ...who, password: 'another good sentence' });
    await phone.state('Live');
  });

  it('shows another user, who signs in outside the page, nothing of the first one', async () => {
    const { page } = desktop;
    await desktop.open('Sessions');
    await page.getByRole('heading', { name: 'Safari on iPhone' }).waitFor();
    const other = await fixture.server.signedIn();
    await page.route('**/graphql', async (route) => {
      if (!route.request().postData()?.includes('sessions')) await route.continue();
    });
    await desktop.query(
      'mutation ($email: String!, $password: String!) { login(email: $email, password: $password) { id } }',
      {
        email: other.email,
        password: other.password,
      },
    );
    await page.locator('.who').filter({ hasText: other.email }).waitFor();
    await page.getByText(/Loading your sessions|Waiting for the server/).waitFor();
    expect(await page.locator('.session').count()).toBe(0);
  });

  it('shows another user, who signs in in another tab, nothing of the first one, whose session goes on', async () => {
    await notify(fixture.server, who.viewerId, 'For the first one');
    await desktop.notification('For the first one');
    const other = await fixture.server.signedIn();
    const context = desktop.page.context();
    await context.clearCookies();
    const tab = new AppPage({ ...desktop.opened, page: await context.newPage() });
    await tab.page.goto(fixture.server.url);
    await tab.signIn(other);
    await desktop.page.locator('.who').filter({ hasText: other.email }).waitFor();
    await notify(fixture.server, other.viewerId, 'For the other one');
    await desktop.notification('For the other one');
    expect(await desktop.page.locator('.row').count()).toBe(1);
  });

  it('deletes the account: both are signed out, and signing in fails', async () => {
    await desktop.open('Account');
    const { page } = desktop;
    await page.getByRole('button', { name: 'Delete account' }).click();
    await page.getByLabel('Your password', { exact: true }).fill('not the password');
    await page.getByRole('button', { name: 'Delete permanently' }).click();
    await page.locator('input[name=password][aria-invalid=true]:focus').waitFor();
    await page.getByLabel('Your password', { exact: true }).fill(who.password);
    await page.getByRole('button', { name: 'Delete permanently' }).click();
    await Promise.all([desktop.signInForm(), phone.signInForm()]);
    await page.getByText('Your account and all its data were deleted.').waitFor();
    await desktop.signIn(who);
    await page.getByText('The e-mail or the password is wrong.').waitFor();
  });
});
