import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { USER_COUNT } from '../src/feeds/user-count/user-count.topic.js';
import { CloseCode } from '../src/protocol/close-code.js';
import { TopicBus } from '../src/topics/topic.bus.js';
import { topicOf } from '../src/topics/topic.js';
import { customerViewer, type ViewerId } from '../src/viewer/viewer.js';
import { type LiveSocket, openSocket, type SocketOptions } from './kit/live-socket.js';
import { rawUpgrade } from './kit/raw-upgrade.js';
import { startServer, type TestServer } from './kit/server.js';
import { type Shop, startShop } from './kit/shop.js';

const SECRET = 'hush';
const USER_AGENT = 'A shop visitor';
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
let two: Shop;

beforeAll(async () => {
  server = await startServer({ env });
  one = await shopOf(ONE);
  two = await shopOf(TWO);
});
afterAll(async () => {
  await one?.close();
  await two?.close();
  await server?.stop();
});

function shopOf(domain: string, visitorAddress = '203.0.113.9'): Promise<Shop> {
  const proxyUrl = `${server.url}/app-proxy`;
  return startShop({ domain, secret: SECRET, proxyUrl, pathPrefix: '/apps/live', visitorAddress });
}

/** What the page of a logged-in customer carries. */
async function issued(shop: Shop, customer: string, userAgent = USER_AGENT): Promise<string> {
  const headers = { cookie: `shop_session=${customer}`, 'user-agent': userAgent };
  const answer = await fetch(shop.at('127.0.0.1', '/apps/live/token'), { headers });
  return ((await answer.json()) as { token: string }).token;
}

/** A socket from the visitor's own browser, unless told otherwise. */
function connect(token: string, options: SocketOptions = {}): Promise<LiveSocket> {
  return openSocket(server.url, { token, userAgent: USER_AGENT, address: '203.0.113.9', ...options });
}

/** How a socket that shows this token ends. */
async function refusal(token: string, options: SocketOptions = {}) {
  const socket = await openSocket(server.url, { userAgent: USER_AGENT, address: '203.0.113.9', ...options });
  socket.send({ type: 'connection_init', payload: { token } });
  return socket.waitForClose();
}

async function publish(owner: ViewerId, payload: number): Promise<void> {
  await server.app.get(TopicBus, { strict: false }).publish([{ topic: topicOf(USER_COUNT, owner), payload }]);
}

async function counting(socket: LiveSocket): Promise<LiveSocket> {
  socket.subscribe('1', 'subscription { userCount }');
  await socket.settled();
  return socket;
}

describe('a customer on a socket', () => {
  it('hears what is published to them, and is told when the token ends', async () => {
    const socket = await openSocket(server.url, {
      userAgent: USER_AGENT,
      address: '203.0.113.9',
      origin: `https://${ONE}`,
    });
    const { expiresAt } = await socket.init({ token: await issued(one, '42') });
    expect((Date.parse(String(expiresAt)) - Date.now()) / 1000).toBeGreaterThan(50);
    await counting(socket);
    await publish(customerViewer(ONE, '42').id, 7);
    expect(await socket.waitForNext('1')).toEqual({ data: { userCount: 7 } });
    await socket.close();
  });

  it('AP-7: never hears another customer, the same number in another shop, or an account', async () => {
    const account = await server.signedIn();
    const sockets = {
      one70: await counting(await connect(await issued(one, '70'))),
      one71: await counting(await connect(await issued(one, '71'))),
      two70: await counting(await connect(await issued(two, '70'))),
      account: await counting(await openSocket(server.url, { token: await account.browser.token() })),
    };
    await publish(customerViewer(ONE, '70').id, 1);
    await publish(customerViewer(ONE, '71').id, 2);
    await publish(customerViewer(TWO, '70').id, 3);
    await publish(account.viewerId, 4);
    const heard = Object.entries(sockets).map(async ([name, socket]) => {
      const first = await socket.waitForNext('1');
      const rest = (await socket.settled()).filter(({ type }) => type === 'next');
      await socket.close();
      return [name, first.data?.['userCount'], rest.length];
    });
    expect(await Promise.all(heard)).toEqual([
      ['one70', 1, 0],
      ['one71', 2, 0],
      ['two70', 3, 0],
      ['account', 4, 0],
    ]);
  });

  it('AP-14: is kept by a new token of their own, without a new connection', async () => {
    const socket = await connect(await issued(one, '42'));
    socket.send({ type: 'ping', payload: { token: await issued(one, '42') } });
    const pong = await socket.waitForMessage('pong');
    expect(pong.payload).toEqual({ expiresAt: expect.stringMatching(/Z$/) as string });
    await socket.close();
  });

  it.each([
    ['another customer', () => issued(one, '43')],
    ["another shop's customer of the same number", () => issued(two, '42')],
    ['another browser', () => issued(one, '42', 'Another browser')],
  ])('AP-14: is closed for a new token of %s', async (_, fresh) => {
    const socket = await connect(await issued(one, '42'));
    socket.send({ type: 'ping', payload: { token: await fresh() } });
    expect(await socket.waitForClose()).toMatchObject({ code: CloseCode.Forbidden });
  });
});

describe('AP-8, AP-9: a token that was copied', () => {
  it.each<[string, SocketOptions]>([
    ['another address', { address: '203.0.113.10' }],
    ['IPv6', { address: '2001:db8::1' }],
    ['another user agent', { userAgent: `${USER_AGENT}.` }],
  ])('is refused from %s', async (_, options) => {
    expect(await refusal(await issued(one, '42'), options)).toEqual({ code: CloseCode.Forbidden, reason: 'Forbidden' });
  });

  it('is good from the same address written as IPv6', async () => {
    const socket = await connect(await issued(one, '42'), { address: '::ffff:203.0.113.9' });
    await socket.close();
  });

  it('is refused from a client that only says it came from there', async () => {
    const untrusting = await startServer({ env: { ...env, TRUSTED_PROXIES: '' } });
    const shop = await startShop({ ...one, proxyUrl: `${untrusting.url}/app-proxy` });
    const token = await issued(shop, '42');
    const socket = await openSocket(untrusting.url, { userAgent: USER_AGENT, address: '203.0.113.9' });
    socket.send({ type: 'connection_init', payload: { token } });
    expect(await socket.waitForClose()).toMatchObject({ code: CloseCode.Forbidden });
    await shop.close();
    await untrusting.stop();
  });

  it('AP-4: as a signed URL yields a token for whoever shows it, and only for them', async () => {
    await issued(one, '42');
    const replayed = await fetch(one.forwarded.at(-1)?.url ?? '', {
      headers: { 'user-agent': USER_AGENT, 'x-forwarded-for': '198.51.100.66' },
    });
    const { token } = (await replayed.json()) as { token: string };
    expect(await refusal(token)).toMatchObject({ code: CloseCode.Forbidden });
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    expect(metrics).toMatch(/sallyport_app_proxy_requests_total\{outcome="replayed"\} [1-9]/);
  });
});

describe('OR-6: a token from a page', () => {
  it.each([
    ['its shop', { origin: `https://${ONE}` }],
    ["its shop's own domain", { origin: OWN_DOMAIN }],
    ['no browser', {}],
  ])('of a customer, from %s, opens a socket', async (_, options) => {
    const socket = await connect(await issued(one, '42'), options);
    expect(await socket.settled()).toEqual([]);
    await socket.close();
  });

  it('of a customer, from another shop, is refused', async () => {
    const token = await issued(one, '42');
    expect(await refusal(token, { origin: `https://${TWO}` })).toMatchObject({ code: CloseCode.Forbidden });
  });

  it('of an account, from a shop, is refused', async () => {
    const { browser } = await server.signedIn();
    const token = await browser.token();
    expect(await refusal(token, { origin: OWN_DOMAIN })).toMatchObject({ code: CloseCode.Forbidden });
    await (await openSocket(server.url, { token, origin: server.url })).close();
  });

  it.each([`http://${ONE}`, `https://${ONE}:8443`, `https://a.${ONE}`, 'https://evil.example', 'null'])(
    'from %s does not even reach the token',
    async (origin) => {
      expect((await rawUpgrade(server.url, { headers: { origin } })).status).toBe(403);
    },
  );

  it('a shop may open sockets, and may not call with cookies', async () => {
    const answer = await server.browser({ origin: OWN_DOMAIN }).gql('{ me { user { id } } }');
    expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([403, null]);
  });
});

describe('a token of a short life', () => {
  it('SO-3: ends its socket 5 s after its own end, so that the client comes back with a new one', async () => {
    const brief = await startServer({ env: { ...env, TOKEN_TTL_SECONDS: '1' } });
    const shop = await startShop({ ...one, proxyUrl: `${brief.url}/app-proxy` });
    const token = await issued(shop, '42');
    const socket = await openSocket(brief.url, { userAgent: USER_AGENT, address: '203.0.113.9' });
    const { expiresAt } = await socket.init({ token });
    expect(await socket.waitForClose()).toEqual({ code: CloseCode.Forbidden, reason: 'Token expired' });
    const lateMs = Date.now() - Date.parse(String(expiresAt));
    expect(lateMs).toBeGreaterThanOrEqual(5000);
    expect(lateMs).toBeLessThan(7000);
    const again = await openSocket(brief.url, { userAgent: USER_AGENT, address: '203.0.113.9' });
    again.send({ type: 'connection_init', payload: { token } });
    expect(await again.waitForClose()).toMatchObject({ code: CloseCode.Forbidden });
    await shop.close();
    await brief.stop();
  });
});
