import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { identityProvider } from './identity-provider.js';
import { settings } from './settings.js';

/** What the page imports by name, see its import map. */
const FILES = {
  '/': ['text/html', 'public/index.html'],
  '/page.js': ['text/javascript', 'public/page.js'],
  '/modules/sallyport-client/index.js': ['text/javascript', 'node_modules/sallyport-client/dist/index.js'],
  '/modules/oidc-client-ts/index.js': ['text/javascript', 'node_modules/oidc-client-ts/dist/esm/oidc-client-ts.js'],
  '/modules/jwt-decode/index.js': ['text/javascript', 'node_modules/jwt-decode/build/esm/index.js'],
};

const shop = createServer(async (request, response) => {
  try {
    const { pathname } = new URL(request.url, settings.url);
    if (request.method === 'POST' && pathname === '/orders') await placeOrder(request, response);
    else if (pathname === '/settings.json') answer(response, 200, publicSettings());
    else if (pathname in FILES || /^\/modules\/graphql-ws\/[\w-]+\.js$/.test(pathname))
      await sendFile(pathname, response);
    else answer(response, 404, {});
  } catch (error) {
    console.error(error);
    answer(response, 503, {});
  }
});

/** Places an order of the user whose access token this is, and publishes it to their pages. */
async function placeOrder(request, response) {
  const { authorization = '' } = request.headers;
  const userinfo = await fetch(`${settings.issuer}/me`, { headers: { authorization } });
  if (!userinfo.ok) return answer(response, 401, {});
  const { sub } = await userinfo.json();
  const order = { order: randomUUID().slice(0, 8), state: 'paid' };
  const payload = { kind: 'order', title: `Order ${order.order} is ${order.state}` };
  await publish({ topic: 'notifications', viewer: viewerOf(sub), payload });
  answer(response, 201, order);
}

/** What Sallyport calls a user of the provider: `external:<source>:<sub>`, percent-encoded but for these characters. */
function viewerOf(sub) {
  const encoded = (char) =>
    [...Buffer.from(char)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`);
  return `external:acme:${sub.replace(/[^\w.~@|+=-]/gu, (char) => encoded(char).join(''))}`;
}

async function publish(event) {
  const response = await fetch(`${settings.sallyportUrl}/publish`, {
    method: 'POST',
    headers: { authorization: `Bearer ${settings.apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ events: [event] }),
  });
  const { results, error } = await response.json();
  if (error ?? results[0].error) throw new Error((error ?? results[0].error).message);
}

function publicSettings() {
  const { issuer, clientId, liveUrl } = settings;
  return { issuer, clientId, liveUrl };
}

async function sendFile(pathname, response) {
  const [type, file] = FILES[pathname] ?? [
    'text/javascript',
    pathname.replace('/modules/graphql-ws', 'node_modules/graphql-ws/dist'),
  ];
  response.setHeader('content-type', type).end(await readFile(new URL(file, import.meta.url)));
}

function answer(response, status, body) {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

createServer(identityProvider.callback()).listen(settings.issuerPort, '127.0.0.1');
shop.listen(settings.port, '127.0.0.1', () => console.log(`Open ${settings.url}`));
