import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signQuery } from './kit/shop-signature.js';
import { startServer, type TestServer } from './kit/server.js';
import { type Shop, startShop } from './kit/shop.js';

const SECRET = 'hush';
const DOMAIN = 'demo.myshopify.com';
const CANARY = '{{ shop.secret_of_the_theme }}{% raw %}"><script>canary</script>';

let server: TestServer;
let shop: Shop;

beforeAll(async () => {
  server = await startServer({ env: { APP_PROXY_SECRET: SECRET, APP_PROXY_SHOPS: `${DOMAIN},other.myshopify.com` } });
  shop = await startShop({
    domain: DOMAIN,
    secret: SECRET,
    proxyUrl: `${server.url}/app-proxy`,
    pathPrefix: '/apps/live',
  });
});
afterAll(async () => {
  await shop?.close();
  await server?.stop();
});

/** Visits the shop's page, logged in if `customer` is given. */
function visit(path = '', customer = '', headers: Record<string, string> = {}): Promise<Response> {
  const cookie = customer ? { cookie: `shop_session=${customer}` } : {};
  return fetch(shop.at('127.0.0.1') + path, { headers: { 'user-agent': 'A shop visitor', ...cookie, ...headers } });
}

/** Sends a request directly to the app, like an attacker with a known signature. */
function direct(path: string, parameters: Record<string, string>, headers: Record<string, string> = {}) {
  const query = new URLSearchParams({
    shop: DOMAIN,
    path_prefix: '/apps/live',
    timestamp: String(Math.floor(Date.now() / 1000)),
    logged_in_customer_id: '42',
    ...parameters,
  });
  query.set('signature', parameters['signature'] ?? signQuery(query, SECRET));
  const client = { 'user-agent': 'A shop visitor', 'x-forwarded-for': '203.0.113.9' };
  return fetch(`${server.url}${path}?${query.toString()}`, { headers: { ...client, ...headers }, redirect: 'manual' });
}

describe('a page behind the signing proxy', () => {
  it('gets at most 120 tokens a minute for one customer, without affecting others', async () => {
    const statuses: number[] = [];
    for (let n = 0; n < 150; n += 10) {
      const batch = Array.from({ length: 10 }, () => visit('/token', '4711'));
      statuses.push(...(await Promise.all(batch)).map(({ status }) => status));
    }
    expect(statuses.filter((status) => status === 200)).toHaveLength(120);
    expect(new Set(statuses.slice(120))).toEqual(new Set([429]));
    expect((await visit('/token', '4712')).status).toBe(200);
  });

  it('contains a sealed token and the client script', async () => {
    const answer = await visit('', '42');
    const html = await answer.text();
    const data: unknown = JSON.parse(/id="sallyport-data">(.*?)<\/script>/.exec(html)?.[1] ?? 'null');
    expect(data).toMatchObject({
      url: `${server.url}/graphql`,
      tokenUrl: '/apps/live/token',
      token: expect.stringMatching(/^[\w-]+\.\.[\w-]+\.[\w-]+\.[\w-]+$/) as string,
      expiresAt: expect.stringMatching(/Z$/) as string,
    });
    expect(html).toContain(`<script src="${server.url}/live/sallyport-live.`);
  });

  it('is Liquid, and leaves the shop its own policies', async () => {
    const { headers, status } = await direct('/app-proxy/some/where', {});
    expect([status, headers.get('content-type')]).toEqual([200, 'application/liquid']);
    for (const name of ['content-security-policy', 'x-frame-options', 'cross-origin-opener-policy', 'set-cookie']) {
      expect([name, headers.get(name)]).toEqual([name, null]);
    }
  });

  it.each(['/app-proxy', '/app-proxy/', '/app-proxy/a/b', '/app-proxy/token'])(
    'AP-10, LK-3: %s is not cached and sends no referrer',
    async (path) => {
      const { headers } = await direct(path, {});
      expect(headers.get('cache-control')).toBe('private, no-store');
      expect(headers.get('referrer-policy')).toMatch(/^(no-referrer|strict-origin-when-cross-origin)$/);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
    },
  );

  it('AP-10: two customers never get the same token', async () => {
    const tokens = await Promise.all(['42', '42', '43'].map(async (id) => (await visit('/token', id)).json()));
    expect(new Set(tokens.map((body) => (body as { token: string }).token)).size).toBe(3);
  });

  it('AP-11: shows nothing that the visitor controls', async () => {
    const hostile = `/${encodeURIComponent(CANARY)}?q=${encodeURIComponent(CANARY)}`;
    for (const customer of ['', '42']) {
      const answer = await visit(hostile, customer, { 'user-agent': CANARY, referer: `https://x.example/${CANARY}` });
      const html = await answer.text();
      expect(answer.status).toBe(200);
      expect(html).not.toMatch(/<script>canary|LIQUID-WAS-RENDERED|% raw/);
    }
  });
});

describe('a visitor who is not logged in', () => {
  it("AP-6, AP-13: is redirected to the shop's login by the page, with a return URL and no signature", async () => {
    const answer = await direct('/app-proxy', { logged_in_customer_id: '' });
    const body = await answer.text();
    expect([answer.status, answer.headers.get('location')]).toEqual([200, null]);
    expect(body).toContain('/account/login');
    expect(body).toContain('return_url=%2Fapps%2Flive');
    expect(body).not.toMatch(/[0-9a-f]{64}|sallyport-data/);
  });

  it('AP-6: gets no token', async () => {
    const answer = await visit('/token');
    expect(answer.status).toBe(401);
    expect(await answer.text()).not.toContain('..');
  });
});

describe('GET /app-proxy/token', () => {
  it('returns a token and its expiry', async () => {
    const body = (await (await visit('/token', '42')).json()) as { token: string; expiresAt: string };
    expect(Object.keys(body).sort()).toEqual(['expiresAt', 'token']);
    const seconds = (Date.parse(body.expiresAt) - Date.now()) / 1000;
    expect(seconds).toBeGreaterThan(50);
    expect(seconds).toBeLessThanOrEqual(60);
  });

  it.each([{ origin: 'https://evil.example' }, { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' }])(
    'AP-12: another site cannot read it: %j',
    async (headers) => {
      const answer = await direct('/app-proxy/token', { callback: 'x' }, headers);
      expect(answer.headers.get('access-control-allow-origin')).toBeNull();
      expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
      expect(await answer.text()).toMatch(/^\{"token"/);
    },
  );
});

describe('a request that the shop has not signed', () => {
  it.each(['/app-proxy', '/app-proxy/a', '/app-proxy/token', '/app-proxy/token?shop=demo.myshopify.com'])(
    'AP-5: %s is refused',
    async (path) => {
      const answer = await fetch(server.url + path);
      expect(answer.status).toBe(403);
      expect(await answer.text()).toContain('FORBIDDEN');
    },
  );

  it.each<[string, Record<string, string>]>([
    ['a wrong signature', { signature: 'a'.repeat(64) }],
    ['a short signature', { signature: 'abc' }],
    ['an old timestamp', { timestamp: '1317327555' }],
    ['a future timestamp', { timestamp: '4102444800' }],
    ['another shop', { shop: 'evil.myshopify.com' }],
    ['a customer hidden in a parameter', { a: '1logged_in_customer_id=42m=', logged_in_customer_id: '' }],
  ])('AP-1, AP-2, AP-3: %s is refused without a reason', async (_, parameters) => {
    const answer = await direct('/app-proxy/token', parameters);
    expect(answer.status).toBe(403);
    expect(await answer.json()).toEqual({
      error: { code: 'FORBIDDEN', message: "Only requests that the shop's proxy has signed are answered here." },
    });
  });

  it('AP-2: an encoded reserved name counts as the same name', async () => {
    const signed = new URL(shop.forwarded[0]?.url ?? '');
    const answer = await fetch(`${signed.href}&%73hop=other.myshopify.com`);
    expect(answer.status).toBe(403);
  });

  it('AP-5: parameters and headers of the proxy are ignored elsewhere', async () => {
    const query = new URLSearchParams({ shop: DOMAIN, logged_in_customer_id: '42', path_prefix: '/x', timestamp: '1' });
    query.set('signature', signQuery(query, SECRET));
    const answer = await fetch(`${server.url}/graphql?${query.toString()}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-forwarded-host': DOMAIN },
      body: JSON.stringify({ query: '{ me { user { id } } }' }),
    });
    expect(await answer.json()).toMatchObject({ data: { me: null } });
  });

  it('does not exist without a configured secret', async () => {
    const plain = await startServer();
    const answer = await fetch(`${plain.url}/app-proxy`);
    await plain.stop();
    expect(answer.status).toBe(404);
  });
});

describe('the client script', () => {
  it('is cached forever under a name that changes with its content, and is readable by every shop', async () => {
    const html = await (await visit('', '42')).text();
    const url = /<script src="([^"]+)"/.exec(html)?.[1] ?? '';
    const answer = await fetch(url, { headers: { origin: `https://${DOMAIN}` } });
    expect(answer.status).toBe(200);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'cache-control': 'public, max-age=31536000, immutable',
      'access-control-allow-origin': '*',
      'cross-origin-resource-policy': 'cross-origin',
      'content-type': 'text/javascript; charset=utf-8',
    });
    expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
    expect(await answer.text()).toContain('Sallyport');
  });

  it("is the current one under an older node's name, and is not cached", async () => {
    const answer = await fetch(`${server.url}/live/sallyport-live.0000000000000000.js`);
    expect([answer.status, answer.headers.get('cache-control')]).toEqual([200, 'no-store']);
  });
});
