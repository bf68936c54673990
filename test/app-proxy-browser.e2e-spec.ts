import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { ConnectionRegistry } from '../src/live/gateway/connection/connection-registry.js';
import { CloseCode } from '../src/protocol/close-code.js';
import { customerViewer } from '../src/identity/app-proxy/customer-viewer.js';
import { freePort } from '../scripts/free-port.mjs';
import { Inbox } from '../src/testing/inbox.js';
import { openSocket } from '../src/testing/live-socket.js';
import { requireNeed, needs } from './kit/needs.js';
import { startServer, type TestServer } from './kit/server.js';
import { type Shop, startShop } from './kit/shop.js';
import { notify, publishCount } from './kit/publish.js';

const DOMAIN = 'demo.myshopify.com';
const OWN_NAME = 'www.demo.example';
const TTL_SECONDS = 4;

needs('chromium')('the app proxy in a real browser', () => {
  let server: TestServer;
  let shop: Shop;
  let browser: Browser;
  const contexts: BrowserContext[] = [];

  beforeAll(async () => {
    const port = await freePort();
    server = await startServer({
      env: {
        APP_PROXY_SECRET: 'hush',
        APP_PROXY_SHOPS: `${DOMAIN}=http://${OWN_NAME}:${port}`,
        TOKEN_TTL_SECONDS: String(TTL_SECONDS),
        USER_COUNT_INTERVAL_SECONDS: '86400',
        TRUSTED_PROXIES: '127.0.0.1',
      },
    });
    const proxyUrl = `${server.url}/app-proxy`;
    shop = await startShop({ domain: DOMAIN, secret: 'hush', proxyUrl, pathPrefix: '/apps/live' }, port);
    const args = ['--no-sandbox', `--host-resolver-rules=MAP ${OWN_NAME} 127.0.0.1`];
    browser = await chromium.launch({ executablePath: requireNeed('chromium'), args });
  });
  afterEach(async () => {
    for (const context of contexts.splice(0)) await context.close();
  });
  afterAll(async () => {
    await browser?.close();
    await shop?.close();
    await server?.stop();
  });

  /** Opens the shop's live page as a visitor who is not logged in. */
  async function visitor(): Promise<{ page: Page; sockets: Inbox<string>; frames: Inbox<string>; faults: string[] }> {
    const context = await browser.newContext();
    contexts.push(context);
    const page = await context.newPage();
    const seen = { sockets: new Inbox<string>(), frames: new Inbox<string>(), faults: [] as string[] };
    page.on('pageerror', (error) => seen.faults.push(error.message));
    page.on('websocket', (socket) => {
      seen.sockets.put(socket.url());
      socket.on('framereceived', ({ payload }) => seen.frames.put(payload.toString()));
    });
    await page.goto(shop.at(OWN_NAME));
    return { page, ...seen };
  }

  async function customer(id: string) {
    const visit = await visitor();
    await visit.page.waitForURL('**/account/login?**');
    await visit.page.fill('input[name=customer]', id);
    await visit.page.click('button');
    await shows(visit.page, '#sallyport-state', 'Live');
    return visit;
  }

  async function shows(page: Page, selector: string, text: string): Promise<void> {
    await page.locator(selector, { hasText: new RegExp(`^${text}$`) }).waitFor();
  }

  async function tokenIn(page: Page): Promise<string> {
    const text = (await page.locator('#sallyport-data').textContent()) ?? '';
    return (JSON.parse(text) as { token: string }).token;
  }

  it('AP-6, AP-13: a visitor who is not logged in is redirected to the login and back', async () => {
    const { page, faults } = await visitor();
    await page.waitForURL('**/account/login?**');
    const url = new URL(page.url());
    expect([url.host, url.searchParams.get('return_url')]).toEqual([`${OWN_NAME}:${shop.port}`, '/apps/live']);
    expect(page.url()).not.toMatch(/signature|[0-9a-f]{64}/);
    await page.fill('input[name=customer]', '7');
    await page.click('button');
    await page.waitForURL(shop.at(OWN_NAME));
    await shows(page, '#sallyport-state', 'Live');
    expect(faults).toEqual([]);
  });

  it('a customer sees live values, over a socket that connects directly to the server without a cookie', async () => {
    const { page, sockets, faults } = await customer('42');
    await publishCount(server, customerViewer(DOMAIN, '42').id, 5);
    await shows(page, '#sallyport-user-count', '5');
    await publishCount(server, customerViewer(DOMAIN, '42').id, 6);
    await shows(page, '#sallyport-user-count', '6');
    expect(sockets.pending).toEqual([`${server.url.replace('http', 'ws')}/graphql`]);
    const cookies = await page.context().cookies(server.url);
    expect([cookies, faults]).toEqual([[], []]);
  });

  it('tells a customer whose browser runs no scripts what to do, and shows no state that never changes', async () => {
    const context = await browser.newContext({ javaScriptEnabled: false });
    contexts.push(context);
    const page = await context.newPage();
    await page.goto(shop.at(OWN_NAME));
    await page.getByRole('link', { name: 'Log in to see your updates' }).click();
    await page.fill('input[name=customer]', '60');
    await page.click('button');
    await page.locator('noscript p').filter({ hasText: 'This page needs JavaScript' }).waitFor();
    expect(await page.locator('#sallyport-state').isVisible()).toBe(false);
    expect(await page.locator('#sallyport-content').isVisible()).toBe(false);
  });

  it('tells a customer whose browser could not load the client script', async () => {
    const { page, faults } = await customer('61');
    await page.route('**/live/sallyport-live.*', (route) => route.abort());
    await page.reload();
    await shows(
      page,
      '#sallyport-state',
      'Live updates could not be loaded. Check your connection and reload the page.',
    );
    expect(await page.locator('#sallyport-content').isVisible()).toBe(false);
    expect(faults).toEqual([]);
  });

  it('a customer who loses the connection sees a message', async () => {
    const { page } = await customer('62');
    await page.context().setOffline(true);
    await shows(page, '#sallyport-state', 'You are offline. Reconnecting automatically');
    await page.context().setOffline(false);
    await shows(page, '#sallyport-state', 'Live');
  });

  it('a customer who missed more than the history holds sees everything that it still holds', async () => {
    const { page } = await customer('63');
    const { id } = customerViewer(DOMAIN, '63');
    await notify(server, id, 'Before');
    await page.locator('li', { hasText: 'Before' }).waitFor();
    let release = (): void => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    await page.route('**/apps/live/token', async (route) => {
      await held;
      await route.continue();
    });
    for (const connection of server.app.get(ConnectionRegistry).all) connection.close(CloseCode.ServiceRestart, '');
    await shows(page, '#sallyport-state', 'Connection lost. Reconnecting automatically');
    await notify(server, id, ...Array.from({ length: 120 }, (_, index) => `event ${index}`));
    release();
    await page.locator('li', { hasText: /^event 119$/ }).waitFor();
    expect(await page.locator('li').first().textContent()).toBe('event 119');
  });

  it('a customer sees every notification once, whatever its id', async () => {
    const { page } = await customer('64');
    const ids = ['constructor', 'toString', '__proto__', 'hasOwnProperty'];
    await notify(server, customerViewer(DOMAIN, '64').id, ...ids, ...ids, 'last');
    await page.locator('li', { hasText: /^last$/ }).waitFor();
    expect(await page.locator('li').allTextContents()).toEqual(['last', ...ids.toReversed()]);
  });

  it('AP-7: shows nothing of a customer any more when another one has logged in in another tab', async () => {
    const { page } = await customer('65');
    await notify(server, customerViewer(DOMAIN, '65').id, 'For 65');
    await publishCount(server, customerViewer(DOMAIN, '65').id, 5);
    await shows(page, '#sallyport-user-count', '5');
    await page.locator('li', { hasText: 'For 65' }).waitFor();
    await notify(server, customerViewer(DOMAIN, '66').id, 'For 66');
    await publishCount(server, customerViewer(DOMAIN, '66').id, 6);
    const other = await page.context().newPage();
    await other.goto(shop.at(OWN_NAME, '/account/login'));
    await other.fill('input[name=customer]', '66');
    await other.click('button');
    await page.locator('li', { hasText: 'For 66' }).waitFor();
    expect(await page.locator('li').allTextContents()).toEqual(['For 66']);
    await shows(page, '#sallyport-user-count', '6');
  });

  it('AP-14: a token is renewed through the shop, and the socket stays', async () => {
    const { page, sockets, frames } = await customer('43');
    const renewals = shop.forwarded.filter(({ url }) => url.includes('/token')).length;
    for (const _ of [1, 2, 3]) await frames.take((frame) => /"pong".*expiresAt/.test(frame), 'a renewed end');
    await publishCount(server, customerViewer(DOMAIN, '43').id, 9);
    await shows(page, '#sallyport-user-count', '9');
    expect(sockets.pending).toHaveLength(1);
    expect(shop.forwarded.filter(({ url }) => url.includes('/token')).length - renewals).toBeGreaterThanOrEqual(3);
  });

  it('AP-8: a token copied to another user agent or address opens no socket', async () => {
    const { page } = await customer('44');
    const userAgent = await page.evaluate<string>('navigator.userAgent');
    const token = await page.evaluate(async () => {
      const answer = await fetch('/apps/live/token');
      return ((await answer.json()) as { token: string }).token;
    });
    const own = await openSocket(server.url, { token, userAgent, origin: `http://${OWN_NAME}:${shop.port}` });
    await own.close();
    for (const thief of [{ userAgent: `${userAgent} Thief` }, { userAgent, address: '203.0.113.66' }]) {
      const socket = await openSocket(server.url, thief);
      socket.send({ type: 'connection_init', payload: { token } });
      expect(await socket.waitForClose()).toMatchObject({ code: CloseCode.Forbidden });
    }
  });

  it('AP-7: two customers and an account each see only their own values', async () => {
    const account = await server.signedIn();
    const socket = await account.socket();
    socket.subscribe('1', 'subscription { userCount }');
    await socket.settled();
    const [first, second] = [await customer('51'), await customer('52')];
    await publishCount(server, customerViewer(DOMAIN, '51').id, 1);
    await publishCount(server, customerViewer(DOMAIN, '52').id, 2);
    await publishCount(server, account.viewerId, 3);
    await shows(first.page, '#sallyport-user-count', '1');
    await shows(second.page, '#sallyport-user-count', '2');
    expect(await socket.waitForNext('1')).toEqual({ data: { userCount: 3 } });
    await publishCount(server, customerViewer(DOMAIN, '51').id, 4);
    await shows(first.page, '#sallyport-user-count', '4');
    await shows(second.page, '#sallyport-user-count', '2');
    expect((await socket.settled()).filter(({ type }) => type === 'next')).toEqual([]);
    await socket.close();
  });

  it("a customer who logs out of the shop loses the socket within the token's lifetime, and is redirected to the login", async () => {
    const { page } = await customer('45');
    const other = await page.context().newPage();
    await other.goto(shop.at(OWN_NAME, '/account/logout'));
    await page.waitForURL('**/account/login?**');
    expect(new URL(page.url()).searchParams.get('return_url')).toBe('/apps/live');
  });

  it('AP-1, AP-11: no signature reaches the browser, and every page has its own token', async () => {
    const { page } = await customer('46');
    const bodies: string[] = [];
    page.on('response', (response) => {
      void response.text().then(
        (text) => bodies.push(response.url() + text + JSON.stringify(response.headers())),
        () => {},
      );
    });
    const before = await tokenIn(page);
    await page.goto(`${shop.at(OWN_NAME)}?q=${encodeURIComponent('{{ shop.secret_of_the_theme }}')}`);
    await shows(page, '#sallyport-state', 'Live');
    const everything = bodies.join('\n') + (await page.content());
    expect(everything).toContain('sallyport-data');
    expect(everything).not.toContain('LIQUID-WAS-RENDERED');
    expect(shop.forwarded.filter(({ signature }) => everything.includes(signature))).toEqual([]);
    expect(await tokenIn(page)).not.toBe(before);
  });
});
