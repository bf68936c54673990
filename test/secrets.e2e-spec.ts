import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { rawHttp, requestBytes } from './kit/raw-http.js';
import { startServer, type TestServer } from './kit/server.js';

const KEYS = [randomBytes(32).toString('base64url'), randomBytes(32).toString('base64url')];
const SHOP_SECRET = randomBytes(24).toString('hex');

let server: TestServer;

beforeAll(async () => {
  server = await startServer({
    env: {
      NODE_ENV: 'production',
      SECRET_KEYS: KEYS.join(','),
      APP_PROXY_SECRET: SHOP_SECRET,
      APP_PROXY_SHOPS: 'demo.myshopify.com',
    },
  });
});
afterAll(() => server.stop());

const get = (target: string) =>
  rawHttp(
    server.url,
    requestBytes(`GET ${target} HTTP/1.1`, [
      ['Host', 'x'],
      ['Connection', 'close'],
    ]),
  );

it('ST-2 no response contains a secret of the server', async () => {
  const { browser } = await server.signedIn();
  const overGraphql = await Promise.all(
    ['{ me { token } }', '{ __schema { types { name } } }', '{ process { env } }', '{'].map((query) =>
      browser.gql(query),
    ),
  );
  const plain = await Promise.all(
    [
      '/',
      '/healthz',
      '/readyz',
      '/metrics',
      '/nowhere',
      '/%zz',
      '/app-proxy/token',
      '/.env',
      '/assets/..%2f..%2f.env',
    ].map(get),
  );
  const texts = [
    ...overGraphql.map(({ text, headers }) => text + JSON.stringify([...headers])),
    ...plain.map(({ body, headers }) => body + JSON.stringify([...headers])),
  ];
  const databasePassword = /:\/\/[^:]+:([^@]+)@/.exec(server.env['DATABASE_URL'] ?? '')?.[1];
  for (const secret of [...KEYS, SHOP_SECRET, databasePassword].filter((text) => text !== undefined))
    for (const text of texts) expect(text).not.toContain(secret);
});

it('LK-4 production exposes no developer tools, and does not reveal its software', async () => {
  for (const target of ['/graphiql', '/playground', '/swagger', '/docs', '/package.json', '/.git/config'])
    expect([target, (await get(target)).status]).toEqual([target, 404]);
  const response = await get('/graphql');
  expect(response.status).toBe(405);
  expect(response.headers.get('content-type')).toContain('application/json');
  for (const target of ['/', '/healthz', '/nowhere', '/%zz']) {
    const { headers } = await get(target);
    expect([headers.get('x-powered-by'), headers.get('server')]).toEqual([undefined, undefined]);
  }
});
