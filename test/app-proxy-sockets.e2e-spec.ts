import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ConnectionRegistry } from '../src/live/gateway/connection/connection-registry.js';
import { CloseCode } from '../src/protocol/close-code.js';
import { ApiKeys } from '../src/identity/api-keys/api-keys.service.js';
import { customerViewer } from '../src/identity/app-proxy/customer-viewer.js';
import { closeCodeFor, type LiveSocket, openSocket, type SocketOptions } from '../src/testing/live-socket.js';
import { startServer, type TestServer } from './kit/server.js';
import { publishCount } from './kit/publish.js';
import { type Shop, startShop } from './kit/shop.js';
import { connectCustomer, customerToken, customerCloseFor, shopFor, VISITOR } from './kit/shop-customer.js';

const SECRET = 'hush';
const ONE = 'one.myshopify.com';
const TWO = 'two.myshopify.com';

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
  one = await shopFor(server.url, ONE, SECRET);
  two = await shopFor(server.url, TWO, SECRET);
});
afterAll(async () => {
  await one?.close();
  await two?.close();
  await server?.stop();
});

async function counting(socket: LiveSocket): Promise<LiveSocket> {
  socket.subscribe('1', 'subscription { userCount }');
  await socket.settled();
  return socket;
}

describe('a customer on a socket', () => {
  it('receives their events, and learns when the token expires', async () => {
    const socket = await openSocket(server.url, { ...VISITOR, origin: `https://${ONE}` });
    const { expiresAt } = await socket.init({ token: await customerToken(one, '42') });
    expect((Date.parse(String(expiresAt)) - Date.now()) / 1000).toBeGreaterThan(50);
    await counting(socket);
    await publishCount(server, customerViewer(ONE, '42').id, 7);
    expect(await socket.waitForNext('1')).toEqual({ data: { userCount: 7 } });
    await socket.close();
  });

  it('is closed by /disconnect, after which the token is refused; other customers stay connected', async () => {
    const key = await server.app.get(ApiKeys).create('disconnects', ['disconnect']);
    const token = await customerToken(one, '50');
    const ended = await connectCustomer(server.url, token);
    const stays = await connectCustomer(server.url, await customerToken(one, '51'));
    const answer = await fetch(`${server.url}/disconnect`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ viewer: customerViewer(ONE, '50').id }),
    });
    expect(answer.status).toBe(200);
    expect((await ended.waitForClose()).code).toBe(4401);
    // Makes this node forget the announcement: only the store knows that the session has ended.
    vi.spyOn(server.app.get(ConnectionRegistry, { strict: false }), 'hasEnded').mockReturnValue(false);
    expect(await closeCodeFor(server.url, token, VISITOR)).toBe(4401);
    vi.restoreAllMocks();
    await stays.settled();
    await stays.close();
  });

  it('AP-7: never receives events of another customer, the same number in another shop, or an account', async () => {
    const account = await server.signedIn();
    const sockets = {
      one70: await counting(await connectCustomer(server.url, await customerToken(one, '70'))),
      one71: await counting(await connectCustomer(server.url, await customerToken(one, '71'))),
      two70: await counting(await connectCustomer(server.url, await customerToken(two, '70'))),
      account: await counting(await account.socket()),
    };
    await publishCount(server, customerViewer(ONE, '70').id, 1);
    await publishCount(server, customerViewer(ONE, '71').id, 2);
    await publishCount(server, customerViewer(TWO, '70').id, 3);
    await publishCount(server, account.viewerId, 4);
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

  it('AP-14: stays open with a new token of the same customer, without a new connection', async () => {
    const socket = await connectCustomer(server.url, await customerToken(one, '42'));
    socket.send({ type: 'ping', payload: { token: await customerToken(one, '42') } });
    const pong = await socket.waitForMessage('pong');
    expect(pong.payload).toEqual({ expiresAt: expect.stringMatching(/Z$/) as string });
    await socket.close();
  });

  it.each([
    ['another customer', () => customerToken(one, '43')],
    ["another shop's customer of the same number", () => customerToken(two, '42')],
    ['another browser', () => customerToken(one, '42', 'Another browser')],
  ])('AP-14: is closed for a new token of %s', async (_, fresh) => {
    const socket = await connectCustomer(server.url, await customerToken(one, '42'));
    socket.send({ type: 'ping', payload: { token: await fresh() } });
    expect(await socket.waitForClose()).toMatchObject({ code: CloseCode.Forbidden });
  });
});

describe('AP-8, AP-9: a token that was copied', () => {
  it.each<[string, SocketOptions]>([
    ['another address', { address: '203.0.113.10' }],
    ['IPv6', { address: '2001:db8::1' }],
    ['another user agent', { userAgent: `${VISITOR.userAgent}.` }],
  ])('is refused from %s', async (_, options) => {
    expect(await customerCloseFor(server.url, await customerToken(one, '42'), options)).toEqual({
      code: CloseCode.Forbidden,
      reason: 'Forbidden',
    });
  });

  it('is accepted from the same address written as IPv6', async () => {
    const socket = await connectCustomer(server.url, await customerToken(one, '42'), { address: '::ffff:203.0.113.9' });
    await socket.close();
  });

  it('is refused from a client that only claims this address', async () => {
    const untrusting = await startServer({ env: { ...env, TRUSTED_PROXIES: '' } });
    const shop = await startShop({ ...one, proxyUrl: `${untrusting.url}/app-proxy` });
    const token = await customerToken(shop, '42');
    const socket = await openSocket(untrusting.url, { ...VISITOR });
    socket.send({ type: 'connection_init', payload: { token } });
    expect(await socket.waitForClose()).toMatchObject({ code: CloseCode.Forbidden });
    await shop.close();
    await untrusting.stop();
  });

  it('AP-4: as a signed URL yields a token for the sender only', async () => {
    await customerToken(one, '42');
    const replayed = await fetch(one.forwarded.at(-1)?.url ?? '', {
      headers: { 'user-agent': VISITOR.userAgent, 'x-forwarded-for': '198.51.100.66' },
    });
    const { token } = (await replayed.json()) as { token: string };
    expect(await customerCloseFor(server.url, token)).toMatchObject({ code: CloseCode.Forbidden });
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    expect(metrics).toMatch(/sallyport_app_proxy_requests_total\{outcome="replayed"\} [1-9]/);
  });
});

describe('a token with a short lifetime', () => {
  it('SO-3: closes its socket 5 s after its expiry, so that the client reconnects with a new one', async () => {
    const brief = await startServer({ env: { ...env, TOKEN_TTL_SECONDS: '1' } });
    const shop = await startShop({ ...one, proxyUrl: `${brief.url}/app-proxy` });
    const token = await customerToken(shop, '42');
    const socket = await openSocket(brief.url, { ...VISITOR });
    const { expiresAt } = await socket.init({ token });
    expect(await socket.waitForClose()).toEqual({ code: CloseCode.Forbidden, reason: 'Token expired' });
    const lateMs = Date.now() - Date.parse(String(expiresAt));
    expect(lateMs).toBeGreaterThanOrEqual(5000);
    expect(lateMs).toBeLessThan(12_000);
    const again = await openSocket(brief.url, { ...VISITOR });
    again.send({ type: 'connection_init', payload: { token } });
    expect(await again.waitForClose()).toMatchObject({ code: CloseCode.Forbidden });
    await shop.close();
    await brief.stop();
  });
});
