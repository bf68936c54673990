import { beforeEach, expect, it } from 'vitest';
import type { AppPage } from './kit/app-page.js';
import { appStage } from './kit/app-stage.js';
import { picture } from './kit/chromium.js';
import { needs } from './kit/needs.js';
import { notify, publishCount } from './kit/publish.js';
import type { SignedIn } from './kit/server.js';

const PHONE =
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18.0 Mobile/15E148 Safari/604.1';

needs('chromium')('one person in two browsers', () => {
  const stage = appStage();
  let who: SignedIn;
  let desk: AppPage;
  let phone: AppPage;

  beforeEach(async () => {
    who = await stage.server.signedIn();
    await who.browser.logout();
    [desk, phone] = await Promise.all([visit(), visit(PHONE)]);
  });

  async function visit(userAgent?: string): Promise<AppPage> {
    const app = await stage.visit(userAgent ? { userAgent } : {});
    await app.signIn(who);
    await app.state('Live');
    return app;
  }

  /** Checks that the page still receives events. */
  async function stillLive(app: AppPage, value: number): Promise<void> {
    await app.open('Live');
    await publishCount(stage.server, who.viewerId, value);
    await app.count(value);
  }

  it('signs out the other one, which shows the sign-in page at once', async () => {
    await desk.open('Sessions');
    await desk.page.getByRole('heading', { name: 'Safari on iPhone' }).waitFor();
    await desk.page.getByRole('heading', { name: 'Chrome on Linux This browser' }).waitFor();
    await picture(desk.page, 'sessions-two-browsers');
    const pressed = Date.now();
    await desk.page.getByRole('button', { name: 'Sign out: Safari on iPhone' }).click();
    await phone.entrance();
    console.log(`the other browser was out ${Date.now() - pressed} ms after the press`);
    await phone.page.getByText('You were signed out elsewhere').waitFor();
    await desk.page.getByText('Signed out Safari on iPhone.').waitFor();
    expect(await desk.page.locator('.session').count()).toBe(1);
    await stillLive(desk, 3);
  });

  it('signs out all others at once', async () => {
    await desk.open('Sessions');
    await desk.page.getByRole('button', { name: 'Sign out all other sessions' }).click();
    await phone.entrance();
    await desk.page.getByText('Signed out 1 other session.').waitFor();
    await stillLive(desk, 4);
  });

  it('changes the password: the other one is signed out, this one stays live and misses nothing', async () => {
    await notify(stage.server, who.viewerId, 'Before');
    await desk.notification('Before');
    await desk.open('Account');
    const { page } = desk;
    await page.getByLabel('Current password', { exact: true }).fill('not the password');
    await page.getByLabel('New password', { exact: true }).fill('another good sentence');
    await page.getByRole('button', { name: 'Change password' }).click();
    await page.locator('input[name=current][aria-invalid=true]:focus').waitFor();
    await page.getByLabel('Current password', { exact: true }).fill(who.password);
    await page.getByLabel('New password', { exact: true }).fill('another good sentence');
    await page.getByRole('button', { name: 'Change password' }).click();
    await page.getByText('Password changed.').waitFor();
    await phone.entrance();
    await stillLive(desk, 5);
    await notify(stage.server, who.viewerId, 'After');
    await desk.notification('After');
    await phone.signIn({ ...who, password: 'another good sentence' });
    await phone.state('Live');
  });

  it('deletes the account: both are signed out, and signing in fails', async () => {
    await desk.open('Account');
    const { page } = desk;
    await page.getByRole('button', { name: 'Delete account' }).click();
    await page.getByLabel('Your password', { exact: true }).fill('not the password');
    await page.getByRole('button', { name: 'Delete permanently' }).click();
    await page.locator('input[name=password][aria-invalid=true]:focus').waitFor();
    await page.getByLabel('Your password', { exact: true }).fill(who.password);
    await page.getByRole('button', { name: 'Delete permanently' }).click();
    await Promise.all([desk.entrance(), phone.entrance()]);
    await page.getByText('Your account and all its data were deleted.').waitFor();
    await desk.signIn(who);
    await page.getByText('The e-mail or the password is wrong.').waitFor();
  });
});
