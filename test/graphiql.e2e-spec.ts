import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Page } from 'playwright-core';
import { seriousViolations } from './kit/accessibility.js';
import { Chromium, screenshot, type OpenPage } from './kit/chromium.js';
import { needs } from './kit/needs.js';
import { publishCount } from './kit/publish.js';
import { startServer, type TestServer } from './kit/server.js';

/** The account with which the page's tabs sign in. */
const ADA = { email: 'ada@example.com', password: 'correct horse battery' };

needs('chromium')('GraphiQL in a browser', () => {
  let chromium: Chromium;
  let server: TestServer;
  let opened: OpenPage;

  beforeAll(async () => {
    [chromium, server] = await Promise.all([
      Chromium.launch(),
      startServer({ env: { USER_COUNT_INTERVAL_SECONDS: '3600' } }),
    ]);
    opened = await chromium.open(`${server.url}/graphiql`);
    await opened.page.locator('.graphiql-query-editor .view-line').first().waitFor();
  });

  afterAll(async () => {
    await chromium.close();
    await server.stop();
  });

  it('says what to do when play is pressed before signing in', async () => {
    const { page } = opened;
    await choose(page, 'userCount');
    await page.getByRole('button', { name: /Execute/ }).click();
    await response(page, 'You are not signed in');
  });

  it('shows why a subscription is refused, without an uncaught error', async () => {
    const { page } = opened;
    await choose(page, 'notifications');
    await page.getByRole('button', { name: /Execute/ }).click();
    await response(page, 'You are not signed in');
    expect(opened.faults).toEqual([]);
  });

  it('has no serious axe violation, except for the buttons in its own tabs', async () => {
    const violations = await seriousViolations(opened.page);
    // GraphiQL nests its tab buttons in elements with role "tab"; the page around it cannot change that.
    expect(violations.filter((violation) => !/^nested-interactive: (?:li|\.graphiql-tab)/.test(violation))).toEqual([]);
  });

  it("has the app's colours in the dark too, by the browser's wish or by its own setting", async () => {
    const { page, context } = await chromium.open(`${server.url}/graphiql`, { colorScheme: 'dark' });
    const button = '.graphiql-execute-button';
    const colour = (): Promise<string> =>
      page.evaluate(`getComputedStyle(document.querySelector('${button}')).backgroundColor`);
    await page.locator(button).waitFor();
    const byWish = await colour();
    await page.emulateMedia({ colorScheme: 'light' });
    await page.evaluate("document.body.classList.add('graphiql-dark')");
    expect([byWish, await colour()]).toEqual(['rgb(41, 163, 143)', 'rgb(41, 163, 143)']);
    await context.close();
  });

  it('can be used with the keyboard from login to a running subscription', async () => {
    const { id } = await server.browser().register(ADA);
    const { page } = opened;
    await choose(page, 'login');
    await page.keyboard.press('Control+Enter');
    await response(page, id);
    await choose(page, 'me');
    await page.keyboard.press('Control+Enter');
    await response(page, 'tokenExpiresAt');
    await choose(page, 'userCount');
    await page.keyboard.press('Control+Enter');
    await publishCount(server, `user:${id}`, 7);
    await response(page, /"userCount":\s*7/);
    await publishCount(server, `user:${id}`, 8);
    await response(page, /"userCount":\s*8/);
    await screenshot(page, 'graphiql');
  });

  it('keeps no password after the browser tab is closed', async () => {
    const kept = await opened.page.evaluate<string>('JSON.stringify({ ...localStorage })');
    expect(kept).not.toContain(ADA.password);
  });

  it('violates no rule of its content security policy, and throws nothing', () => {
    expect(opened.faults).toEqual([]);
  });
});

/** Selects a tab with the keyboard and moves to the editor beside it. */
async function choose(page: Page, name: string): Promise<void> {
  const tab = page.locator('.graphiql-tab-button').filter({ hasText: name });
  await tab.waitFor();
  await tab.focus();
  await page.keyboard.press('Enter');
  await page.locator(`.graphiql-tab-active`).filter({ hasText: name }).waitFor();
  await page.locator('.graphiql-query-editor .view-line').filter({ hasText: name }).first().waitFor();
  await page.locator('.graphiql-query-editor textarea, .graphiql-query-editor .native-edit-context').first().focus();
  // The editor recognises the operation's name shortly after its text, with no visible change to wait for.
  await page.waitForTimeout(700);
}

function response(page: Page, text: string | RegExp): Promise<void> {
  return page.locator('.result-window').filter({ hasText: text }).waitFor();
}
