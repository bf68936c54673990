import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Shop, startShop } from './kit/shop.js';
import { signQuery } from './kit/shop-signature.js';

let app: Server;
let shop: Shop;
let asked: { url: URL; headers: IncomingHttpHeaders };

beforeAll(async () => {
  app = createServer((request, response) => {
    asked = { url: new URL(request.url ?? '/', 'http://app.invalid'), headers: request.headers };
    if (asked.url.pathname === '/app-proxy/moved') {
      response.writeHead(302, { location: '/app-proxy/arrived' }).end();
      return;
    }
    const type = asked.url.pathname.endsWith('.json') ? 'application/json' : 'application/liquid';
    const stripped = { 'set-cookie': 'a=b', server: 'x', pragma: 'x', 'x-powered-by': 'x' };
    response.writeHead(200, { 'content-type': type, 'cache-control': 'no-store', ...stripped });
    response.end('{"sum": "{{ 1 | plus: 2 }}"}');
  }).listen(0, '127.0.0.1');
  await once(app, 'listening');
  shop = await startShop({
    domain: 'demo.myshopify.com',
    secret: 'hush',
    proxyUrl: `http://127.0.0.1:${(app.address() as AddressInfo).port}/app-proxy`,
    pathPrefix: '/apps/live',
  });
});
afterAll(async () => {
  await shop?.close();
  app?.close();
});

describe('the shop that tests use', () => {
  it("signs the query with the visitor's own parameters, and says who is logged in", async () => {
    const headers = { cookie: 'shop_session=42; other=1', 'x-forwarded-for': '192.0.2.1', 'user-agent': 'Somebody' };
    await fetch(shop.at('127.0.0.1', '/apps/live/some/path?page=2&logged_in_customer_id=7'), { headers });
    const { searchParams, pathname } = asked.url;
    expect(pathname).toBe('/app-proxy/some/path');
    expect(Object.fromEntries(searchParams)).toMatchObject({
      page: '2',
      shop: 'demo.myshopify.com',
      path_prefix: '/apps/live',
      logged_in_customer_id: '42',
      signature: signQuery(searchParams, 'hush'),
    });
    expect(searchParams.getAll('logged_in_customer_id')).toHaveLength(1);
  });

  it('removes the cookie, and adds the address and host that the browser used', async () => {
    await fetch(shop.at('127.0.0.1'), { headers: { cookie: 'shop_session=42', 'x-forwarded-for': '192.0.2.1' } });
    expect(asked.headers).toMatchObject({
      'x-forwarded-for': '192.0.2.1, 127.0.0.1',
      'x-forwarded-host': `127.0.0.1:${shop.port}`,
    });
    expect(asked.headers.cookie).toBeUndefined();
  });

  it('renders Liquid in the theme, and removes headers from the response', async () => {
    const answer = await fetch(shop.at('127.0.0.1'));
    expect(await answer.text()).toMatch(/<!doctype html>[\s\S]*\{"sum": "3"\}/);
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    for (const name of ['set-cookie', 'server', 'pragma', 'x-powered-by']) expect(answer.headers.get(name)).toBeNull();
  });

  it('leaves other content types unchanged', async () => {
    const answer = await fetch(shop.at('127.0.0.1', '/apps/live/data.json'));
    expect(await answer.text()).toBe('{"sum": "{{ 1 | plus: 2 }}"}');
  });

  it('follows redirects itself, so that the browser never sees one', async () => {
    const answer = await fetch(shop.at('127.0.0.1', '/apps/live/moved'), { redirect: 'manual' });
    expect([answer.status, asked.url.pathname]).toEqual([200, '/app-proxy/arrived']);
  });
});
