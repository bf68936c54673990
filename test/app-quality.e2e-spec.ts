import { describe, expect, it } from 'vitest';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { seriousViolations } from './kit/accessibility.js';
import type { AppPage } from './kit/app-page.js';
import { appFixture } from './kit/app-fixture.js';
import { newCredentials } from './kit/browser.js';
import { screenshot } from './kit/chromium.js';
import { needs } from './kit/needs.js';
import { notify, publishCount } from './kit/publish.js';
import type { SignedIn } from './kit/server.js';

const VARIANTS: [string, BrowserContextOptions][] = [
  ['light', { colorScheme: 'light' }],
  ['dark', { colorScheme: 'dark' }],
  ['on a phone', { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true }],
];

needs('chromium')("the app's quality", () => {
  const fixture = appFixture();
  let app: AppPage;

  async function signedIn(options?: BrowserContextOptions): Promise<SignedIn> {
    const who = await fixture.server.signedIn();
    app = await fixture.visit(options);
    await app.signIn(who);
    await app.state('Live');
    return who;
  }

  describe.each(VARIANTS)('%s', (variant, options) => {
    it('has no serious axe violation and no horizontal scrolling', async () => {
      app = await fixture.visit(options);
      const { page } = app;
      await app.signInForm();
      const check = async (place: string): Promise<void> => {
        await screenshot(page, `${place} ${variant}`.replaceAll(' ', '-'));
        const violations = await seriousViolations(page);
        const hidden = await page.evaluate('Math.max(0, document.documentElement.scrollWidth - innerWidth)');
        expect({ place, violations, hidden }).toEqual({ place, violations: [], hidden: 0 });
      };
      await check('entrance');
      const who = await fixture.server.signedIn();
      await app.signIn({ ...who, password: 'not the password' });
      await page.getByText('The e-mail or the password is wrong.').waitFor();
      await check('wrong-password');
      await app.signIn(who);
      await app.state('Live');
      await check('empty');
      await publishCount(fixture.server, who.viewerId, 3, 7);
      await notify(
        fixture.server,
        who.viewerId,
        'A title',
        'Another title that is long enough to need a second line on a phone',
      );
      await app.count(7);
      await app.notification('Another title');
      await page.locator('.count-chart canvas').waitFor();
      await check('live');
      await app.open('Sessions');
      await page.getByRole('heading', { name: 'Sessions' }).waitFor();
      await check('sessions');
      await app.open('Account');
      await page.getByRole('heading', { name: 'Account', exact: true }).waitFor();
      await check('account');
      await page.getByRole('button', { name: 'Delete account' }).click();
      await page.getByRole('heading', { name: 'Delete your account?' }).waitFor();
      await check('delete');
    });
  });

  it('has words of one language and nothing beside a small screen, whatever the names and the browser', async () => {
    const small = { viewport: { width: 320, height: 640 }, locale: 'de-DE', userAgent: 'W'.repeat(60) };
    app = await fixture.visit(small);
    const { page } = app;
    const beside = (): Promise<number> => page.evaluate('document.documentElement.scrollWidth - innerWidth');
    const email = `${'long'.repeat(15)}@${'name'.repeat(15)}.example.test`;
    const who = await fixture.server.browser().register({ ...newCredentials(), email });
    await app.signIn(who);
    await app.state('Live');
    expect(await beside()).toBe(0);
    await publishCount(fixture.server, `user:${who.id}`, -2_147_483_648);
    await app.count(-2_147_483_648);
    expect(await beside()).toBe(0);
    await notify(fixture.server, `user:${who.id}`, ...Array.from({ length: 100 }, (_, index) => `event ${index}`));
    await app.notification('event 99');
    expect(await seriousViolations(page)).toEqual([]);
    const other = await fixture.visit(small);
    await other.signIn(who);
    await other.state('Live');
    await app.open('Sessions');
    await page.getByRole('button', { name: /^Sign out: W+/ }).waitFor();
    expect(await page.getByText('expires in 7 days if it is not used').count()).toBe(3);
    expect(await beside()).toBe(0);
    await app.open('Account');
    await page.getByText(/, here since [A-Z][a-z]+ \d+, 20\d\d\./).waitFor();
    expect(await beside()).toBe(0);
  });

  it('fits the screen when a phone is turned upright', async () => {
    const { viewerId } = await signedIn({ viewport: { width: 740, height: 360 } });
    await publishCount(fixture.server, viewerId, 1, 2);
    const { page } = app;
    await page.locator('.count-chart canvas').waitFor();
    await page.setViewportSize({ width: 360, height: 740 });
    const widest =
      'Math.max(...Array.from(document.querySelectorAll(".count *"), (one) => one.getBoundingClientRect().right))';
    await expect.poll(() => page.evaluate<number>(widest)).toBeLessThan(360);
  });

  it('can be used with the keyboard only, from sign-in to sign-out', async () => {
    const who = await fixture.server.signedIn();
    app = await fixture.visit();
    const { page } = app;
    await app.signInForm();
    await page.keyboard.press('Tab');
    await page.keyboard.type(who.email);
    await page.keyboard.press('Tab');
    await page.keyboard.type(who.password);
    await page.keyboard.press('Enter');
    await app.state('Live');
    for (const name of ['Sessions', 'Account']) {
      await tabTo(page, name);
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name, exact: true }).waitFor();
    }
    await tabTo(page, 'Sign out');
    await page.keyboard.press('Enter');
    await app.signInForm();
  });

  it('does not use more memory after 10,000 events', async () => {
    const { viewerId } = await signedIn();
    const flood = async (from: number, to: number): Promise<void> => {
      for (let number = from; number < to; number += 80) {
        const titles = Array.from({ length: 80 }, (_, index) => `event ${number + index}`);
        await Promise.all([
          notify(fixture.server, viewerId, ...titles),
          publishCount(fixture.server, viewerId, number),
        ]);
        await app.page.getByText(`event ${number + 79}`, { exact: true }).waitFor();
      }
    };
    await flood(0, 2_000);
    const before = await heapBytes(app.page);
    await flood(2_000, 12_000);
    const after = await heapBytes(app.page);
    console.log(`heap ${(before / 1e6).toFixed(1)} MB, after 10,000 more events ${(after / 1e6).toFixed(1)} MB`);
    expect(after - before).toBeLessThan(2_000_000);
    expect(await app.page.locator('.row').count()).toBe(100);
  });

  it('stays smooth at 50 events a second', async () => {
    const { viewerId } = await signedIn();
    await publishCount(fixture.server, viewerId, 1, 2);
    await app.page.locator('.count-chart canvas').waitFor();
    const idle = await framesPerSecond(app.page);
    let sent = 0;
    const stream = setInterval(() => {
      sent += 1;
      void notify(fixture.server, viewerId, `event ${sent}`);
      void publishCount(fixture.server, viewerId, 1 + (sent % 10));
    }, 1000 / 25);
    const busy = await framesPerSecond(app.page);
    clearInterval(stream);
    console.log(`${idle.toFixed(0)} frames a second at rest, ${busy.toFixed(0)} at 50 events a second`);
    expect(sent).toBeGreaterThan(30);
    expect(busy).toBeGreaterThan(Math.min(50, idle * 0.8));
  });
});

async function tabTo(page: Page, name: string): Promise<void> {
  for (let step = 0; step < 40; step += 1) {
    await page.keyboard.press('Tab');
    if ((await page.evaluate('document.activeElement?.textContent')) === name) return;
  }
  throw new Error(`The keyboard does not reach "${name}".`);
}

function heapBytes(page: Page): Promise<number> {
  return page.evaluate('gc(), gc(), performance.memory.usedJSHeapSize');
}

function framesPerSecond(page: Page): Promise<number> {
  return page.evaluate(`new Promise((resolve) => {
    const start = performance.now();
    let frames = 0;
    const count = (now) => (frames++, now - start < 3000 ? requestAnimationFrame(count) : resolve(frames / ((now - start) / 1000)));
    requestAnimationFrame(count);
  })`);
}
