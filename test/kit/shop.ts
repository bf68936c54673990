import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { forward, type ForwardedRequest, type ShopSettings } from './shop-proxy.js';
import { accountPage, homePage, inTheme, loginPage } from './shop-theme.js';

/** A test shop over plain HTTP: a storefront with a login, and the app proxy as documented. */
export interface Shop extends ShopSettings {
  readonly port: number;
  /** The app's requests in order, including signatures, for tests that look for leaks. */
  readonly forwarded: readonly ForwardedRequest[];
  /** Returns a page's URL on one of the shop's host names; names such as `demo.localhost` need no DNS. */
  at(host: string, path?: string): string;
  close(): Promise<void>;
}

const SESSION = /(?:^|;\s*)shop_session=(\d+)/;

/** Starts a shop on 127.0.0.1, by default on a free port. Anyone can log in as any customer, by number. */
export async function startShop(settings: ShopSettings, port = 0): Promise<Shop> {
  const forwarded: ForwardedRequest[] = [];
  const server = createServer((request, response) => {
    answer(request, response, settings, forwarded).catch((error: unknown) => {
      response.writeHead(502, { 'content-type': 'text/plain' }).end(String(error));
    });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const actual = (server.address() as AddressInfo).port;
  return {
    ...settings,
    port: actual,
    forwarded,
    at: (host, path = settings.pathPrefix) => `http://${host}:${actual}${path}`,
    close: () => end(server),
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  settings: ShopSettings,
  forwarded: ForwardedRequest[],
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://shop.invalid');
  const customer = SESSION.exec(request.headers.cookie ?? '')?.[1] ?? '';
  if (url.pathname === settings.pathPrefix || url.pathname.startsWith(`${settings.pathPrefix}/`)) {
    return forward(request, response, { settings, url, customer, forwarded });
  }
  const html = { 'content-type': 'text/html; charset=utf-8' };
  if (url.pathname === '/account/login' && request.method === 'POST') return login(request, response, url);
  if (url.pathname === '/account/login') response.writeHead(200, html).end(await inTheme(loginPage(url), customer));
  else if (url.pathname === '/account/logout') redirect(response, '/', 'shop_session=; Path=/; Max-Age=0');
  else if (url.pathname === '/account')
    response.writeHead(200, html).end(await inTheme(accountPage(customer), customer));
  else if (url.pathname === '/')
    response.writeHead(200, html).end(await inTheme(homePage(settings.pathPrefix), customer));
  else response.writeHead(404, html).end(await inTheme('<h1>Not found</h1>', customer));
}

async function login(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  const customer = new URLSearchParams(body).get('customer') ?? '';
  const back = url.searchParams.get('return_url') ?? '/account';
  const isOwnPath = back.startsWith('/') && !back.startsWith('//');
  if (!/^[1-9]\d{0,19}$/.test(customer)) return redirect(response, `${url.pathname}${url.search}`);
  return redirect(response, isOwnPath ? back : '/account', `shop_session=${customer}; Path=/; HttpOnly; SameSite=Lax`);
}

function redirect(response: ServerResponse, location: string, cookie?: string): void {
  response.writeHead(303, { location, ...(cookie ? { 'set-cookie': cookie } : {}) }).end();
}

async function end(server: Server): Promise<void> {
  server.close();
  server.closeAllConnections();
  if (server.listening) await once(server, 'close');
}
