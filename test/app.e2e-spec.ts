import { expect, it } from 'vitest';
import { AppPage } from './kit/app-page.js';
import { appFixture } from './kit/app-fixture.js';
import { newCredentials } from './kit/browser.js';
import { openTab, screenshot } from './kit/chromium.js';
import { needs } from './kit/needs.js';
import { notify, publishCount } from './kit/publish.js';

function titles({ page }: AppPage): Promise<string[]> {
  return page.locator('.row strong').allInnerTexts();
}

needs('chromium')('the app in a browser', () => {
  const fixture = appFixture();

  /** Opens the app with a new account; also returns its viewer id. */
  async function member(): Promise<AppPage & { viewer: `user:${string}` }> {
    const app = await fixture.visit();
    await app.register();
    return Object.assign(app, { viewer: await viewerOf(app) });
  }

  async function viewerOf(app: AppPage): Promise<`user:${string}`> {
    const response = await app.query('{ me { user { id } } }');
    const { data } = (await response.json()) as { data: { me: { user: { id: string } } } };
    return `user:${data.me.user.id}`;
  }

  it('goes from registration to live values', async () => {
    const ada = await member();
    await publishCount(fixture.server, ada.viewer, 4, 9);
    await ada.count(9);
    await ada.page.locator('.count-chart canvas').waitFor();
    await notify(fixture.server, ada.viewer, 'It has shipped');
    await ada.notification('It has shipped');
    expect(await ada.page.getByTestId('unread').innerText()).toBe('1 unread');
    expect(await ada.page.title()).toBe('(1) Sallyport');
    await screenshot(ada.page, 'app-live');
    await ada.page.getByRole('button', { name: 'Mark all as read' }).click();
    await ada.page.getByText('1 unread').waitFor({ state: 'detached' });
  });

  it('goes on without the chart when its file cannot be loaded', async () => {
    const ada = await fixture.visit();
    await ada.page.route('**/assets/count-chart-*', (route) => route.abort());
    await ada.register();
    const viewer = await viewerOf(ada);
    await publishCount(fixture.server, viewer, 4, 9);
    await ada.page.getByText('The chart could not be loaded.').waitFor();
    await publishCount(fixture.server, viewer, 3);
    await ada.count(3);
  });

  it('offers no button to copy where the browser has no clipboard, as over http', async () => {
    const ada = await member();
    await ada.page.getByRole('button', { name: 'Copy the command' }).waitFor();
    await ada.page.addInitScript('delete Navigator.prototype.clipboard');
    await ada.page.reload();
    await ada.page.getByText('To send yourself one, run this command').waitFor();
    expect(await ada.page.getByRole('button', { name: 'Copy the command' }).count()).toBe(0);
  });

  it('shows a title that is written from right to left on the right, with its last sign on the left', async () => {
    const ada = await member();
    await notify(fixture.server, ada.viewer, 'שלום!');
    await ada.notification('שלום!');
    const leftOf = (index: number): Promise<number> =>
      ada.page.evaluate(`(() => {
        const range = document.createRange();
        const text = document.querySelector('.row strong').firstChild;
        range.setStart(text, ${index});
        range.setEnd(text, ${index + 1});
        return range.getBoundingClientRect().left;
      })()`);
    expect(await leftOf(4)).toBeLessThan(await leftOf(0));
    const timeLeft = (await ada.page.locator('.row time').boundingBox())?.x ?? 0;
    expect(timeLeft - (await leftOf(0))).toBeLessThan(50);
  });

  it('tells password managers whose password is changed or asked for', async () => {
    const ada = await fixture.visit();
    const { email } = await ada.register();
    await ada.open('Account');
    await ada.page.getByRole('heading', { name: 'Change password' }).waitFor();
    const names = await Promise.all(
      (await ada.page.locator('form input[autocomplete=username]').all()).map((input) => input.inputValue()),
    );
    expect(names).toEqual([email, email]);
  });

  it('shows notifications and their read state again after a reload', async () => {
    const ada = await member();
    await notify(fixture.server, ada.viewer, 'First', 'Second');
    await ada.notification('Second');
    await ada.page.getByRole('button', { name: 'Mark all as read' }).click();
    await notify(fixture.server, ada.viewer, 'Third');
    await ada.notification('Third');
    await ada.page.reload();
    await ada.notification('Third');
    await ada.page.getByText('1 unread').waitFor();
    expect(await titles(ada)).toEqual(['Third', 'Second', 'First']);
  });

  it('shows on a second device what was published before it connected', async () => {
    const who = await fixture.server.signedIn();
    await notify(fixture.server, who.viewerId, 'Before both');
    const [desktop, phone] = [await fixture.visit(), await fixture.visit()];
    await desktop.signIn(who);
    await desktop.notification('Before both');
    await notify(fixture.server, who.viewerId, 'Before the phone');
    await desktop.notification('Before the phone');
    await phone.signIn(who);
    await phone.notification('Before the phone');
    await notify(fixture.server, who.viewerId, 'For both');
    await Promise.all([desktop.notification('For both'), phone.notification('For both')]);
    for (const app of [desktop, phone])
      expect(await titles(app)).toEqual(['For both', 'Before the phone', 'Before both']);
  });

  it('puts the focus on the heading after sign-in and after sign-out', async () => {
    const ada = await member();
    const focused = () =>
      ada.page.evaluate('document.activeElement.tagName + " " + document.activeElement.textContent');
    expect(await focused()).toBe('H1 Live');
    await ada.signOut();
    await ada.signInForm();
    expect(await focused()).toBe('H2 Sign in');
  });

  it('shows the last value within a second of signing in', async () => {
    const who = await fixture.server.signedIn();
    await publishCount(fixture.server, who.viewerId, 6);
    const app = await fixture.visit();
    await app.fill(who);
    const started = Date.now();
    await app.page.getByRole('button', { name: 'Sign in' }).click();
    await app.count(6);
    console.log(`first value ${Date.now() - started} ms after pressing "Sign in"`);
    // The limit is 1 s; the rest allows for a busy machine.
    expect(Date.now() - started).toBeLessThan(4_000);
  });

  it('shows two users each their own values', async () => {
    const [ada, bob] = await Promise.all([member(), member()]);
    await publishCount(fixture.server, ada.viewer, 3);
    await publishCount(fixture.server, bob.viewer, 8);
    await notify(fixture.server, bob.viewer, 'For Bob');
    await Promise.all([ada.count(3), bob.count(8), bob.notification('For Bob')]);
    expect(await ada.text()).not.toContain('For Bob');
  });

  it('shows errors next to the field, and focuses it', async () => {
    const who = await fixture.server.signedIn();
    const app = await fixture.visit();
    await app.signIn({ ...who, password: 'not the password' });
    const password = app.page.getByLabel('Password', { exact: true });
    await app.page.getByText('The e-mail or the password is wrong.').waitFor();
    expect(await password.getAttribute('aria-invalid')).toBe('true');
    await app.page.locator('input[name=password]:focus').waitFor();
    await screenshot(app.page, 'app-wrong-password');
    await app.page.getByRole('button', { name: 'Create account' }).click();
    await app.fill({ ...who, password: 'short' });
    await app.page.getByRole('button', { name: 'Create account' }).click();
    await app.page.getByText(/at least 12 characters/).waitFor();
    await app.fill(who);
    await app.page.getByRole('button', { name: 'Create account' }).click();
    await app.page.getByText(/registered already/).waitFor();
    expect(await app.page.getByLabel('E-mail').getAttribute('aria-invalid')).toBe('true');
  });

  it('signs out every tab of the browser, and shows nothing private on the way back', async () => {
    const ada = await member();
    await notify(fixture.server, ada.viewer, 'Private matter');
    await ada.notification('Private matter');
    await ada.open('Account');
    await ada.open('Live');
    const other = new AppPage(await openTab(ada.opened, fixture.server.url));
    await other.state('Live');
    await other.signOut();
    await Promise.all([other.signInForm(), ada.signInForm()]);
    await ada.page.getByText('You were signed out elsewhere').waitFor();
    await ada.page.goBack();
    await ada.signInForm();
    expect(await ada.text()).not.toMatch(/Private matter|example\.test/);
    await ada.page.reload();
    await ada.signInForm();
  });

  it('shows a page from the back-forward cache only after it has asked the server again', async () => {
    const ada = await member();
    await notify(fixture.server, ada.viewer, 'Private matter');
    await ada.notification('Private matter');
    await ada.page.goto(`${fixture.server.url}/healthz`);
    await ada.query('mutation { logout }');
    await ada.page.goBack();
    await ada.signInForm();
    expect(await ada.text()).not.toMatch(/Private matter|example\.test/);
  });

  it('shows the next user nothing of the previous one', async () => {
    const ada = await member();
    await notify(fixture.server, ada.viewer, 'For Ada');
    await ada.notification('For Ada');
    await ada.signOut();
    await ada.signInForm();
    await ada.page.getByText('You are signed out.').waitFor();
    await ada.register(newCredentials('bob'));
    await publishCount(fixture.server, await viewerOf(ada), 2);
    await ada.count(2);
    expect(await ada.text()).not.toContain('For Ada');
  });
});
