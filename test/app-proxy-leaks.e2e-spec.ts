import { afterAll, beforeAll, expect, it } from 'vitest';
import { openSocket } from '../src/testing/live-socket.js';
import { type ServerProcess, startServerProcess } from './kit/server-process.js';
import { type Shop, startShop } from './kit/shop.js';
import { temporaryFolder } from './kit/temporary-folder.js';

const SECRET = 'a-secret-of-the-shop-that-is-a-canary';
const folder = temporaryFolder('leaks');
let server: ServerProcess;
let shop: Shop;

beforeAll(async () => {
  server = await startServerProcess({
    NODE_ENV: 'test',
    DATA_DIR: folder.path,
    LOG_LEVEL: 'trace',
    APP_PROXY_SECRET: SECRET,
    APP_PROXY_SHOPS: 'demo.myshopify.com',
  });
  const proxyUrl = `${server.url}/app-proxy`;
  shop = await startShop({ domain: 'demo.myshopify.com', secret: SECRET, proxyUrl, pathPrefix: '/apps/live' });
});
afterAll(async () => {
  await shop?.close();
  await server?.end();
  folder.remove();
});

it('LK-1, AP-1: neither signature nor signed URL nor token nor secret is in any log line or refusal', async () => {
  const headers = { cookie: 'shop_session=42', 'user-agent': 'A visitor {"level":"info"}' };
  const page = await (await fetch(shop.at('127.0.0.1'), { headers })).text();
  const answer = await fetch(shop.at('127.0.0.1', '/apps/live/token'), { headers });
  const { token } = (await answer.json()) as { token: string };
  const signed = shop.forwarded.map(({ url }) => url);
  const refused = await Promise.all(
    signed
      .flatMap((url) => [
        `${url}&shop=x`,
        `${url}&x=1`,
        url.replace('/app-proxy', '/app-proxy/%'),
        url.replace('/app-proxy', '/none'),
      ])
      .map(async (url) => (await fetch(url)).text()),
  );
  const socket = await openSocket(server.url, { userAgent: 'Another browser' });
  socket.send({ type: 'connection_init', payload: { token } });
  const { reason } = await socket.waitForClose();

  await expect.poll(() => server.output()).toContain('other-client');
  const shown = [server.output(), ...refused, reason].join('\n');
  const secrets = [SECRET, token, 'logged_in_customer_id=', ...shop.forwarded.map(({ signature }) => signature)];
  expect(secrets.filter((secret) => shown.includes(secret))).toEqual([]);
  expect(shop.forwarded.length).toBeGreaterThan(0);
  for (const { signature } of shop.forwarded) expect(page).not.toContain(signature);
  expect(shown).toContain('"differs":"user-agent"');
});
