import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CloseCode } from '../src/protocol/close-code.js';
import { openSocket } from '../src/testing/live-socket.js';
import { rawUpgrade } from './kit/raw-upgrade.js';
import { startServer, type TestServer } from './kit/server.js';
import type { Shop } from './kit/shop.js';
import { connectCustomer, customerToken, customerCloseFor, shopFor } from './kit/shop-customer.js';

const SECRET = 'hush';
const ONE = 'one.myshopify.com';
const TWO = 'two.myshopify.com';
const OWN_DOMAIN = 'https://www.one.example';

const env = {
  APP_PROXY_SECRET: SECRET,
  APP_PROXY_SHOPS: `${ONE}=www.one.example,${TWO}`,
  USER_COUNT_INTERVAL_SECONDS: '86400',
  TRUSTED_PROXIES: '127.0.0.1',
};
let server: TestServer;
let one: Shop;

beforeAll(async () => {
  server = await startServer({ env });
  one = await shopFor(server.url, ONE, SECRET);
});
afterAll(async () => {
  await one?.close();
  await server?.stop();
});

describe('OR-6: a token from a page', () => {
  it.each([
    ['its shop', { origin: `https://${ONE}` }],
    ["its shop's own domain", { origin: OWN_DOMAIN }],
    ['no browser', {}],
  ])('of a customer, from %s, opens a socket', async (_, options) => {
    const socket = await connectCustomer(server.url, await customerToken(one, '42'), options);
    expect(await socket.settled()).toEqual([]);
    await socket.close();
  });

  it('of a customer, from another shop, is refused', async () => {
    const token = await customerToken(one, '42');
    expect(await customerCloseFor(server.url, token, { origin: `https://${TWO}` })).toMatchObject({
      code: CloseCode.Forbidden,
    });
  });

  it('of an account, from a shop, is refused', async () => {
    const { browser } = await server.signedIn();
    const token = await browser.token();
    expect(await customerCloseFor(server.url, token, { origin: OWN_DOMAIN })).toMatchObject({
      code: CloseCode.Forbidden,
    });
    await (await openSocket(server.url, { token, origin: server.url })).close();
  });

  it.each([`http://${ONE}`, `https://${ONE}:8443`, `https://a.${ONE}`, 'https://evil.example', 'null'])(
    'from %s is refused before the token',
    async (origin) => {
      expect((await rawUpgrade(server.url, { headers: { origin } })).status).toBe(403);
    },
  );

  it('a shop may open sockets, but not call with cookies', async () => {
    const answer = await server.browser({ origin: OWN_DOMAIN }).gql('{ me { user { id } } }');
    expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([403, null]);
  });
});

describe('TK-3: a token of one kind is refused in the place of another', () => {
  it('no session cookie, no signed URL and no signature opens a socket', async () => {
    const { browser } = await server.signedIn();
    await customerToken(one, '42');
    const signed = one.forwarded.at(-1);
    for (const text of [...browser.cookies.values(), signed?.url ?? '', signed?.signature ?? '']) {
      expect(text).not.toBe('');
      expect(await customerCloseFor(server.url, text)).toMatchObject({ code: CloseCode.Forbidden });
    }
  });

  it("a customer's token is not accepted as a session, an API key or a signature", async () => {
    const token = await customerToken(one, '42');
    const { browser } = await server.signedIn();
    const session = [...browser.cookies.keys()];
    for (const name of session) browser.cookies.set(name, token);
    expect(await browser.me()).toBeNull();
    const authorization = `Bearer ${token}`;
    const published = await fetch(`${server.url}/publish`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: '{"events":[]}',
    });
    const unsigned = await fetch(`${server.url}/app-proxy/token?signature=${token}`, { headers: { authorization } });
    expect([published.status, unsigned.status]).toEqual([401, 403]);
  });
});
