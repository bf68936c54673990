import type { Page, Route } from 'playwright-core';
import { beforeEach, describe, expect, it } from 'vitest';
import { seriousViolations } from './kit/accessibility.js';
import { AuditLog } from '../src/live/logging/audit-log.js';
import { screenshot } from './kit/chromium.js';
import { type ConsolePage, consoleFixture, makeKey } from './kit/console-fixture.js';
import { needs } from './kit/needs.js';
import { notify } from './kit/publish.js';

const PHONE = { viewport: { width: 360, height: 740 } };
const WAIT = { timeout: 30_000 };

needs('chromium')('the console in Chromium', () => {
  const fixture = consoleFixture();
  let name: string;
  let key: string;

  beforeEach(async () => {
    ({ name, key } = await makeKey(fixture.server));
  });

  const signedIn = async (): Promise<ConsolePage> => {
    const view = await fixture.visit();
    await view.signIn(key);
    return view;
  };

  it('says that a key is wrong, signs in with a right one, and keeps it nowhere', async () => {
    const view = await fixture.visit();
    await view.submitKey('sallyport_key_wrong');
    await view.page.getByText('This is not a valid key for the console.').waitFor();
    await view.page.locator('input[name=key][aria-invalid=true]:focus').waitFor();
    await view.submitKey(key);
    await view.page.getByText(name, { exact: true }).waitFor();
    const kept: string = await view.page.evaluate(
      'JSON.stringify([location.href, { ...localStorage }, { ...sessionStorage }, document.cookie, document.body.outerHTML])',
    );
    expect(kept).not.toContain(key);
    const cookies = await view.opened.context.cookies();
    expect(cookies).toMatchObject([
      { name: 'sallyport-console', path: '/console', httpOnly: true, sameSite: 'Strict' },
    ]);
    await view.page.reload();
    await view.heading('Overview');
    await view.page.getByRole('button', { name: 'Sign out' }).click();
    await view.page.getByText('You are signed out.').waitFor();
    expect(await view.opened.context.cookies()).toEqual([]);
  });

  it('shows sockets and events as they come', async () => {
    const ada = await fixture.server.signedIn();
    const view = await signedIn();
    const plot = (words: RegExp) => view.page.getByText(words);
    await plot(/^Connections\. open sockets: 0 now/).waitFor(WAIT);
    const socket = await ada.socket();
    socket.subscribe('1', 'subscription { notifications { id } }');
    await plot(/^Connections\. open sockets: 1 now/).waitFor(WAIT);
    const stream = setInterval(() => void notify(fixture.server, ada.viewerId, 'x'), 50);
    await plot(/^Events per second\. delivered: [1-9]\d* now/).waitFor(WAIT);
    clearInterval(stream);
    await socket.close();
    await plot(/^Connections\. open sockets: 0 now, between 0 and 1 /).waitFor(WAIT);
  });

  it('looks a viewer up, shows an event, and revokes a session, whose socket closes', async () => {
    const ada = await fixture.server.signedIn();
    const socket = await ada.socket();
    await notify(fixture.server, ada.viewerId, 'A secret title');
    const view = await signedIn();
    const { page } = view;
    await view.open('Viewers');
    await page.getByLabel('Viewer', { exact: true }).fill('nobody@example.com');
    await page.getByRole('button', { name: 'Look up' }).click();
    await page.getByText('There is no such viewer.').waitFor();
    await page.getByLabel('Viewer', { exact: true }).fill(ada.email);
    await page.keyboard.press('Enter');
    await page.getByText('1 open connection, the oldest since just now.').waitFor();
    expect(await page.getByText('A secret title').count()).toBe(0);
    await page.getByRole('button', { name: 'Show events: notifications' }).click();
    await page.getByText('A secret title').waitFor();
    await page.getByRole('button', { name: /^Revoke: / }).click();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('button', { name: /^Revoke: / }).click();
    await page.getByRole('button', { name: 'Revoke', exact: true }).click();
    await page.getByText('The session is revoked.').waitFor();
    expect((await socket.waitForClose()).code).toBe(4401);
    await page.getByText('No open session.').waitFor();
    await page.goBack();
    await page.getByText('There is no such viewer.').waitFor();
  });

  it('publishes with a form of the feed’s type, and shows what is wrong next to its field', async () => {
    const ada = await fixture.server.signedIn();
    const socket = await ada.socket();
    socket.subscribe('1', 'subscription { notifications { title kind body data } }');
    const view = await signedIn();
    const { page } = view;
    await view.open('Publish');
    const input = (name: string) => page.getByLabel(new RegExp(`^${name}`));
    await input('viewer').fill('nobody');
    await input('kind').fill('note');
    await input('data').fill('{"a": 1');
    await page.getByRole('button', { name: 'Publish' }).click();
    await page.getByText('This is not JSON.').waitFor();
    await page.getByRole('button', { name: 'Publish' }).click();
    await page.locator('[aria-invalid=true]:focus').waitFor();
    await input('data').fill('{"a": 1}');
    await page.getByRole('button', { name: 'Publish' }).click();
    await page.getByText('viewer must be a viewer id').waitFor();
    await input('viewer').fill(ada.viewerId);
    await page.getByRole('button', { name: 'Publish' }).click();
    await page.getByText(/payload: title must be/).waitFor();
    expect(await page.evaluate('document.activeElement.labels[0].textContent')).toMatch(/^title/);
    await input('title').fill('By hand');
    await page.getByRole('button', { name: 'Publish' }).click();
    await page.getByText(/^Published at cursor /).waitFor();
    const { data } = await socket.waitForNext('1');
    expect(data).toEqual({ notifications: { title: 'By hand', kind: 'note', body: null, data: { a: 1 } } });
    await page.getByLabel('Topic').selectOption('user_count');
    await input('payload').fill('x');
    await page.getByRole('button', { name: 'Publish' }).click();
    await page.getByText('This must be a whole number.').waitFor();
    await socket.close();
  });

  it('creates a key, shows it once, and revokes it; the audit log follows', async () => {
    const view = await signedIn();
    const { page } = view;
    const made = `shop-${name}`;
    await view.open('Keys');
    await page.getByLabel('Name').fill(made);
    await page.getByLabel('Scopes').fill('publish, tokens:acme');
    await page.getByRole('button', { name: 'Create key' }).click();
    await page.getByText('This key lacks the scope tokens:acme.').waitFor();
    await page.getByLabel('Scopes').fill('publish');
    await page.getByLabel('Expires in days').fill('0');
    await page.getByRole('button', { name: 'Create key' }).click();
    await page.locator('input[name=expiresInDays][aria-invalid=true]:focus').waitFor();
    await page.getByLabel('Expires in days').fill('');
    await page.getByRole('button', { name: 'Create key' }).click();
    const secret = page.getByText(/^sallyport_key_/);
    await secret.waitFor();
    await page.getByRole('button', { name: 'I have it' }).click();
    expect(await secret.count()).toBe(0);
    await view.open('Audit');
    await page.getByLabel('Event', { exact: true }).selectOption('api-key-revoked');
    await page.getByRole('button', { name: 'Show' }).click();
    await view.open('Keys');
    await page.getByRole('button', { name: `Revoke: ${made}` }).click();
    await page.getByRole('button', { name: 'Revoke', exact: true }).click();
    await page.getByText(`${made} is revoked.`).waitFor();
    await view.open('Audit');
    await page
      .getByRole('row')
      .filter({ hasText: 'api-key-revoked' })
      .filter({ hasText: made })
      .filter({ hasText: `operator ${name}` })
      .waitFor();
    const ada = await fixture.server.signedIn();
    await page.getByRole('row').filter({ hasText: ada.viewerId }).first().waitFor();
  });

  it('offers no button to copy a key where the browser has no clipboard, as over http', async () => {
    const view = await fixture.visit();
    const { page } = view;
    await page.addInitScript('delete Navigator.prototype.clipboard');
    await page.reload();
    await view.signIn(key);
    await view.open('Keys');
    await page.getByLabel('Name').fill(`http-${name}`);
    await page.getByLabel('Scopes').fill('publish');
    await page.getByRole('button', { name: 'Create key' }).click();
    await page.getByText(/^sallyport_key_/).waitFor();
    expect(await page.getByRole('button', { name: 'Copy' }).count()).toBe(0);
  });

  it('follows the audit log again after older events, when Show is pressed', async () => {
    const audit = fixture.server.app.get(AuditLog);
    const refuse = (reason: string) => audit.record('sign-in-failed', { reason, by: 'stranger' });
    for (let number = 0; number < 250; number += 1) refuse(`old-${number}`);
    const view = await signedIn();
    const { page } = view;
    await view.open('Audit');
    const row = (reason: string) => page.getByRole('row').filter({ hasText: reason });
    await row('old-249').waitFor(WAIT);
    await page.getByRole('button', { name: 'Older' }).click();
    await row('old-100').waitFor();
    refuse('the-newest');
    await page.getByRole('button', { name: 'Show' }).click();
    await row('the-newest').waitFor(WAIT);
    expect(await row('old-100').count()).toBe(0);
  });

  it('shows the events that were asked for last, though an earlier answer comes later', async () => {
    await fixture.server.signedIn();
    const view = await signedIn();
    const { page } = view;
    await view.open('Audit');
    const other = page.getByRole('row').filter({ hasText: 'registered' }).first();
    await other.waitFor(WAIT);
    const all = '**/console/api/audit?event=&*';
    let release = (): void => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const asked = page.waitForRequest(all);
    await page.route(all, async (route) => {
      await held;
      await route.continue();
    });
    await asked;
    await page.getByLabel('Follow').uncheck();
    await page.getByLabel('Event', { exact: true }).selectOption('console-opened');
    await page.getByRole('button', { name: 'Show' }).click();
    await other.waitFor({ state: 'detached' });
    const answered = page.waitForResponse(all);
    release();
    await (await answered).finished();
    expect(await other.count()).toBe(0);
  });

  it('shows the last look-up of a viewer, though an earlier answer comes later', async () => {
    const ada = await fixture.server.signedIn();
    const { page } = await signedIn();
    const first = new Promise<Route>((resolve) => void page.route('**/api/viewer', resolve, { times: 1 }));
    await page.goto(`${fixture.server.url}/console#viewers/${encodeURIComponent(ada.viewerId)}`);
    const late = await first;
    await page.getByRole('button', { name: 'Look up' }).click();
    const card = page.locator('#viewer-title');
    await card.waitFor(WAIT);
    const answered = page.waitForResponse((response) => response.status() === 503);
    await late.fulfill({ status: 503, body: '{}' });
    await (await answered).finished();
    expect(await card.count()).toBe(1);
  });

  it('says that the server does not answer when it hangs', async () => {
    const view = await signedIn();
    const { page } = view;
    await page.clock.install();
    await page.route('**/console/api/nodes', () => {});
    const asked = page.waitForRequest('**/console/api/nodes');
    await page.clock.runFor(2_000);
    await asked;
    await page.clock.runFor(16_000);
    await page.getByText('The server does not answer.').waitFor();
    await page.unroute('**/console/api/nodes');
    await page.clock.runFor(2_000);
    await page.getByText('The server does not answer.').waitFor({ state: 'detached' });
  });

  it('can be used with the keyboard only', async () => {
    const { page } = await fixture.visit();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.type(key);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
    for (const name of ['Viewers', 'Publish', 'Keys', 'Audit']) {
      await tabTo(page, name);
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name, level: 1, exact: true }).waitFor();
    }
    await tabTo(page, 'Sign out');
    await page.keyboard.press('Enter');
    await page.getByText('You are signed out.').waitFor();
  });

  it('asks before it revokes, without taking the focus from what is done meanwhile', async () => {
    const { page } = await signedIn().then(async (view) => (await view.open('Keys'), view));
    const focused = (): Promise<string> =>
      page.evaluate('document.activeElement.ariaLabel ?? document.activeElement.name');
    const revoke = page.getByRole('button', { name: `Revoke: ${name}` });
    await revoke.click();
    await page.getByLabel('Name').fill(`meanwhile-${name}`);
    await page.getByLabel('Scopes').fill('publish');
    await page.keyboard.press('Enter');
    await page.getByText(`meanwhile-${name}`).last().waitFor();
    expect(await focused()).toBe('scopes');
    await page.getByRole('button', { name: 'Cancel' }).press('Enter');
    await revoke.waitFor();
    expect(await focused()).toBe(`Revoke: ${name}`);
  });

  it('keeps the place of the keyboard when there are no more keys and no older events', async () => {
    const view = await signedIn();
    const { page } = view;
    await page.route('**/console/api/keys?*', async (route) => {
      const isFirst = route.request().url().endsWith('after=');
      const answer = (await (await route.fetch()).json()) as object;
      await route.fulfill({ json: isFirst ? { ...answer, next: 'a' } : { keys: [], next: null } });
    });
    await page.route('**/console/api/audit?*', async (route) => {
      const isFirst = route.request().url().endsWith('before=');
      const answer = (await (await route.fetch()).json()) as object;
      await route.fulfill({ json: { ...answer, ...(isFirst ? { next: 7 } : { events: [], next: null }) } });
    });
    for (const [name, button, place] of [
      ['Keys', 'More', 'h2:focus'],
      ['Audit', 'Older', 'section:focus'],
    ] as const) {
      await view.open(name);
      await page.getByRole('button', { name: button }).press('Enter');
      await page.locator(place).waitFor();
    }
  });

  it('offers an operator who may only look nothing else', async () => {
    const ada = await fixture.server.signedIn();
    await notify(fixture.server, ada.viewerId, 'A title');
    const looking = await makeKey(fixture.server, ['console']);
    const view = await fixture.visit();
    await view.signIn(looking.key);
    await view.page.goto(`${fixture.server.url}/console#viewers/${encodeURIComponent(ada.viewerId)}`);
    await view.page.getByText('1 in its history').waitFor();
    expect(await view.page.getByRole('button', { name: /Show events|Revoke|Disconnect/ }).count()).toBe(0);
  });

  it('shows a page from the back-forward cache only after it has asked the server again', async () => {
    const ada = await fixture.server.signedIn();
    const view = await signedIn();
    const { page } = view;
    await page.goto(`${fixture.server.url}/console#viewers/${encodeURIComponent(ada.viewerId)}`);
    await page.getByText(ada.email).waitFor();
    await revoke(name);
    // Chromium keeps no page here: Playwright switches its cache off.
    await page.evaluate("window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))");
    await view.heading('Console');
    expect(await page.getByText(ada.email).count()).toBe(0);
  });

  it('shows the sign-in as soon as the key is revoked', async () => {
    const view = await signedIn();
    await revoke(name);
    await view.page.getByText('Your session has ended, or its key was revoked.').waitFor(WAIT);
  });

  const revoke = async (which: string): Promise<void> => {
    const { ApiKeys } = await import('../src/identity/api-keys/api-keys.service.js');
    await fixture.server.app.get(ApiKeys).revoke(which);
  };

  describe.each([
    ['light', { colorScheme: 'light' }],
    ['dark', { colorScheme: 'dark' }],
    ['phone', { ...PHONE, colorScheme: 'light' }],
    ['dark phone', { ...PHONE, colorScheme: 'dark' }],
  ] as const)('%s', (variant, options) => {
    it('has no serious accessibility violation, and nothing beside the screen', async () => {
      const view = await fixture.visit(options);
      const { page } = view;
      const check = async (place: string): Promise<void> => {
        await screenshot(page, `console ${place} ${variant}`.replaceAll(' ', '-'));
        const violations = await seriousViolations(page);
        const hidden = await page.evaluate('Math.max(0, document.documentElement.scrollWidth - innerWidth)');
        expect({ place, violations, hidden }).toEqual({ place, violations: [], hidden: 0 });
      };
      await page.getByRole('heading', { name: 'Sign in' }).waitFor();
      await check('sign-in');
      await view.signIn(key);
      await page.getByRole('rowheader').first().waitFor();
      await page.getByText(/^Connections\. open/).waitFor();
      await check('overview');
      const ada = await fixture.server.signedIn();
      const socket = await ada.socket();
      await notify(fixture.server, ada.viewerId, 'On its way');
      await view.open('Viewers');
      await page.getByLabel('Viewer', { exact: true }).fill(ada.email);
      await page.keyboard.press('Enter');
      await page.getByRole('button', { name: 'Show events: notifications' }).click();
      await page.getByText('On its way').waitFor();
      await page.getByRole('button', { name: /^Revoke: / }).click();
      await check('viewer');
      await page.getByRole('link', { name: 'Publish to this viewer' }).click();
      await page.getByLabel(/^title/).waitFor();
      await page.getByRole('button', { name: 'Publish' }).click();
      await page.getByText(/payload: kind must be/).waitFor();
      await check('publish');
      await view.open('Keys');
      await page.getByLabel('Name').fill(`shown-${name}`);
      await page.getByLabel('Scopes').fill('publish');
      await page.getByRole('button', { name: 'Create key' }).click();
      await page.getByText(/^sallyport_key_/).waitFor();
      await page.getByText(`shown-${name}`).last().waitFor();
      await check('keys');
      await view.open('Audit');
      await page.getByRole('row').filter({ hasText: 'api-key-created' }).first().waitFor();
      await check('audit');
      await socket.close();
    });
  });
});

async function tabTo(page: Page, name: string): Promise<void> {
  for (let step = 0; step < 300; step += 1) {
    await page.keyboard.press('Tab');
    if ((await page.evaluate('document.activeElement?.textContent')) === name) return;
  }
  throw new Error(`The keyboard does not reach "${name}".`);
}
