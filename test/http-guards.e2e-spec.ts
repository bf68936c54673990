import type { Server } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LIMITS_CONFIG, type LimitsConfig } from '../src/live/live.config.js';
import { descriptorLimit } from '../src/server/http/descriptor-budget.js';
import type { Browser } from './kit/browser.js';
import { chunked, type RawResponse, rawHttp, requestBytes } from './kit/raw-http.js';
import { startServer, type TestServer } from './kit/server.js';

const APP = 'https://app.example';
const LOGOUT = '{"query":"mutation { logout }"}';
const TYPENAME = '{"query":"{ __typename }"}';
const SHOP = { APP_PROXY_SECRET: 'hush-hush-hush-hush-hush-hush-hush', APP_PROXY_SHOPS: 'demo.myshopify.com' };
const JSON_TYPE = 'application/json';

let server: TestServer;
let ada: Browser;

beforeAll(async () => {
  server = await startServer({
    env: { PUBLIC_URL: APP, ALLOWED_ORIGINS: 'https://other.example', TRUSTED_PROXIES: '127.0.0.1', ...SHOP },
  });
  const browser = server.browser({ origin: APP });
  await browser.register();
  ada = browser;
});

afterAll(() => server.stop());

interface Changes {
  readonly method?: string;
  readonly target?: string;
  readonly headers?: Readonly<Record<string, string | null>>;
  readonly body?: string;
  readonly version?: string;
}

/** Sends a request with Ada's cookie over a bare socket, since `fetch` would refuse or correct it. */
function send({ method = 'POST', target = '/graphql', headers = {}, body = LOGOUT, version = '1.1' }: Changes) {
  const ordinary: Record<string, string | null> = {
    host: new URL(server.url).host,
    cookie: [...ada.cookies].map((pair) => pair.join('=')).join('; '),
    origin: APP,
    'content-type': JSON_TYPE,
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
    ...headers,
  };
  const lines = Object.entries(ordinary).filter((line): line is [string, string] => line[1] !== null);
  return rawHttp(server.url, requestBytes(`${method} ${target} HTTP/${version}`, lines, body));
}

const isSignedIn = async (): Promise<boolean> => (await ada.me()) !== null;

describe('the rules of /graphql apply to every spelling of its path', () => {
  const foreign = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };

  const SPELLINGS = [
    '/graphql',
    '/%67raphql',
    '/gra%70hql',
    '/graph%71%6c?x=1',
    '/graphql#x',
    'http://evil.example/graphql',
    'https://app.example/%67raphql',
  ];

  it.each(SPELLINGS)('POST %s with a foreign origin is refused and does nothing', async (target) => {
    const { status } = await send({ target, headers: foreign });
    expect([403, 404]).toContain(status);
    expect(await isSignedIn()).toBe(true);
  });

  it.each(SPELLINGS)('%s does not accept GET', async (target) => {
    const url = target.includes('?') ? target : `${target.replace('#x', '')}?query={__typename}`;
    expect([404, 405]).toContain((await send({ method: 'GET', target: url, body: '', headers: foreign })).status);
  });

  it.each([
    ['a text of another type', { 'content-type': 'text/plain' }, 415],
    ['a body in UTF-16', { 'content-type': 'application/json; charset=utf-16' }, 415],
    ['a compressed body', { 'content-encoding': 'gzip' }, 415],
    ['a body that was compressed twice', { 'content-encoding': 'identity, gzip' }, 415],
    ['what came to the proxy in the clear', { 'x-forwarded-proto': 'http' }, 403],
  ])('POST refuses %s, with an escape in the path', async (_, headers, status) => {
    expect((await send({ target: '/%67raphql', headers })).status).toBe(status);
    expect(await isSignedIn()).toBe(true);
  });

  it('POST refuses a body in a compressed transfer coding', async () => {
    const headers = { 'content-length': null, 'transfer-encoding': 'gzip, chunked' };
    expect((await send({ headers, body: chunked(LOGOUT) })).status).toBe(415);
    expect(await isSignedIn()).toBe(true);
  });

  it.each(['/graphql', '/%67raphql'])('POST %s refuses a large body, with and without a length', async (target) => {
    const body = `{"query":"${' '.repeat(900_000)}{ __typename }"}`;
    expect((await send({ target, body })).status).toBe(413);
    const headers = { 'content-length': null, 'transfer-encoding': 'chunked' };
    const unannounced = await send({ target, headers, body: chunked(body) });
    expect(unannounced.status).toBe(413);
    expect(JSON.parse(unannounced.body)).toMatchObject({ errors: [{ extensions: { code: 'BAD_USER_INPUT' } }] });
  });

  it('takes a body whose content coding is none', async () => {
    const answer = await send({ headers: { 'content-encoding': 'Identity' }, body: '{"query":"{ __typename }"}' });
    expect([answer.status, answer.body]).toEqual([200, '{"data":{"__typename":"Query"}}\n']);
  });

  it('answers a body that is not JSON in the format of GraphQL', async () => {
    const answer = await send({ body: '{' });
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body)).toMatchObject({ errors: [{ extensions: { code: 'BAD_USER_INPUT' } }] });
  });

  it.each(['/graphql/', '//graphql', '/GRAPHQL', '/graphql;x', '/graphql%00', '/x/../graphql', '/graphql%2f'])(
    'does not know %s',
    async (target) => {
      expect((await send({ target })).status).toBe(404);
      expect(await isSignedIn()).toBe(true);
    },
  );
});

describe('CS-6 another method than a route has', () => {
  it.each([
    ['/graphql', 'POST'],
    ['/%67raphql', 'POST'],
    ['/publish', 'POST'],
    ['/healthz', 'GET, HEAD'],
    ['/readyz', 'GET, HEAD'],
    ['/', 'GET, HEAD'],
    ['/graphiql', 'GET, HEAD'],
    ['/app-proxy', 'GET, HEAD'],
    ['/app-proxy/token', 'GET, HEAD'],
    ['/app-proxy/what/ever', 'GET, HEAD'],
    ['/assets/none.js', 'GET, HEAD'],
  ])('%s answers 405 and allows %s', async (target, allowed) => {
    const some = allowed === 'POST' ? ['GET'] : ['POST', 'PATCH'];
    const others = [...some, 'PUT', 'DELETE', 'TRACE', 'PROPFIND', 'LOCK'];
    for (const method of others) {
      const { status, headers } = await send({ method, target, body: '', headers: { 'content-type': null } });
      expect([method, status, headers.get('allow')]).toEqual([method, 405, allowed]);
    }
  });

  it.each([
    ['/graphql', 'POST'],
    ['/publish', 'POST'],
    ['/presence', 'GET, HEAD'],
    ['/healthz', 'GET, HEAD'],
    ['/assets/none.js', 'GET, HEAD'],
  ])('%s answers OPTIONS with the methods that it allows', async (target, allowed) => {
    const ask = (origin: string | null) => send({ method: 'OPTIONS', target, body: '', headers: { origin } });
    const plain = await ask(null);
    expect([plain.status, plain.headers.get('allow')]).toEqual([204, allowed]);
    // It may be no preflight, although it has the Origin of one.
    expect((await ask(APP)).status).toBe(204);
  });

  it('an unknown path answers 404 for every method', async () => {
    for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'TRACE', 'OPTIONS']) {
      const headers = { 'content-type': null, origin: null };
      expect((await send({ method, target: '/nowhere', body: '', headers })).status).toBe(404);
    }
  });
});

describe('CK-6 a request that reached a trusted proxy over http', () => {
  const ROUTES = ['/graphql', '/publish', '/', '/graphiql', '/app-proxy/token', '/metrics', '/nowhere'];

  it.each(['http', 'HTTP', ' http ', 'http, https', 'https, http', 'https,HTTP', 'ws'])(
    'is refused on every route except the health checks, written as %j',
    async (proto) => {
      for (const target of ROUTES) {
        const method = target === '/graphql' || target === '/publish' ? 'POST' : 'GET';
        const answer = await send({ method, target, headers: { 'x-forwarded-proto': proto }, body: TYPENAME });
        expect([target, answer.status]).toEqual([target, 403]);
        expect(answer.body).toContain('https');
      }
      for (const target of ['/healthz', '/readyz']) {
        const answer = await send({ method: 'GET', target, headers: { 'x-forwarded-proto': proto }, body: '' });
        expect([target, answer.status]).toEqual([target, 200]);
      }
      expect(await isSignedIn()).toBe(true);
    },
  );

  it('is refused if the header is repeated', async () => {
    const lines = [
      ['Host', new URL(server.url).host],
      ['Connection', 'close'],
      ['X-Forwarded-Proto', 'http'],
      ['x-forwarded-proto', 'https'],
    ] as const;
    expect((await rawHttp(server.url, requestBytes('GET /metrics HTTP/1.1', lines))).status).toBe(403);
  });

  it.each(['https', 'HTTPS', 'https, https', 'wss', null])(
    'is distinguished from %j, which is accepted',
    async (proto) => {
      const headers = { 'x-forwarded-proto': proto };
      expect((await send({ headers, body: TYPENAME })).status).toBe(200);
      expect((await send({ method: 'GET', target: '/healthz', headers, body: '' })).status).toBe(200);
    },
  );
});

describe('HD-1 every response has the security headers, and an id', () => {
  const host = (): readonly [string, string] => ['Host', new URL(server.url).host];
  const close = ['Connection', 'close'] as const;
  const line =
    (requestLine: string, ...headers: (readonly [string, string])[]) =>
    () =>
      rawHttp(server.url, requestBytes(requestLine, [host(), close, ...headers]));

  const ANSWERS: readonly (readonly [name: string, status: number, ask: () => Promise<RawResponse>])[] = [
    ['an answer', 200, line('GET /healthz HTTP/1.1')],
    ['an answer of GraphQL', 200, () => send({ body: TYPENAME })],
    ['a page that is not there', 404, line('GET /nowhere HTTP/1.1')],
    ['another method', 405, line('PUT /publish HTTP/1.1')],
    ['an unknown method', 404, line('PURGE /nowhere HTTP/1.1')],
    ['a URL that cannot be decoded', 400, line('GET /%zz HTTP/1.1')],
    ['a cut escape', 400, line('GET /%e0%a4%a HTTP/1.1')],
    ['a body that is no JSON', 400, () => send({ body: '{' })],
    ['a body that is too large', 413, () => send({ body: ' '.repeat(200_000) })],
    ['a key that is missing', 401, line('POST /publish HTTP/1.1', ['Content-Length', '0'])],
    ['a signature that is missing', 403, line('GET /app-proxy/token HTTP/1.1')],
    ['no HTTP at all', 400, () => rawHttp(server.url, 'hello\r\n\r\n')],
    ['a header without a name', 400, line('GET / HTTP/1.1', ['', 'x'])],
    ['headers that are too large', 431, line('GET / HTTP/1.1', ['X-Large', 'x'.repeat(40_000)])],
    ['two lengths', 400, line('POST /graphql HTTP/1.1', ['Content-Length', '3'], ['Content-Length', '4'])],
    [
      'a length and chunks',
      400,
      line('POST /graphql HTTP/1.1', ['Content-Length', '3'], ['Transfer-Encoding', 'chunked']),
    ],
    ['no host', 400, () => rawHttp(server.url, requestBytes('GET /healthz HTTP/1.1', [close]))],
    ['two hosts', 400, line('GET /healthz HTTP/1.1', ['Host', 'evil.example'])],
    ['an unknown expectation', 417, line('GET /healthz HTTP/1.1', ['Expect', 'the-moon'])],
  ];

  it.each(ANSWERS)('%s (%i)', async (_, status, ask) => {
    const answer = await ask();
    expect(answer.status).toBe(status);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    });
    expect(answer.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(answer.headers.get('x-request-id')).toMatch(/^[\w-]{36}$/);
    expect(answer.headers.get('x-powered-by')).toBeUndefined();
    expect(answer.headers.get('server')).toBeUndefined();
  });

  it.each(ANSWERS)('%s has HSTS', async (_, __, ask) => {
    expect((await ask()).headers.get('strict-transport-security')).toBe('max-age=31536000; includeSubDomains');
  });

  it('has no HSTS if PUBLIC_URL is http', async () => {
    const plain = await startServer();
    try {
      for (const target of ['/healthz', '/%zz']) {
        const answer = await rawHttp(plain.url, requestBytes(`GET ${target} HTTP/1.1`, [['Host', 'x'], close]));
        expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
        expect(answer.headers.has('strict-transport-security')).toBe(false);
      }
    } finally {
      await plain.stop();
    }
  });

  it('an HTTP/1.0 request needs no Host', async () => {
    const answer = await rawHttp(server.url, requestBytes('GET /healthz HTTP/1.0', []));
    expect(answer.status).toBe(200);
  });

  it('an HTTP/1.0 request is not invited to send its body, whatever it expects', async () => {
    const answer = await rawHttp(server.url, requestBytes('GET /healthz HTTP/1.0', [['Expect', '100-continue']]));
    expect([answer.status, answer.invited]).toEqual([200, false]);
  });

  it('a malformed request is answered in the same format as other errors', async () => {
    const answer = await rawHttp(server.url, 'hello\r\n\r\n');
    expect(JSON.parse(answer.body)).toEqual({ error: { code: 'BAD_USER_INPUT', message: expect.any(String) } });
    expect(answer.headers.get('connection')).toBe('close');
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });
});

describe('the connections of the server', () => {
  it('have timeouts for headers, for a request and between requests', () => {
    const { headersTimeout, requestTimeout, keepAliveTimeout } = server.app.getHttpServer() as Server;
    expect([headersTimeout, requestTimeout, keepAliveTimeout]).toEqual([10_000, 20_000, 10_000]);
  });

  it('leave descriptors for the stores and for WebSockets', () => {
    const { maxConnections } = server.app.getHttpServer() as Server;
    const limit = descriptorLimit();
    if (Number.isFinite(limit)) expect(maxConnections).toBeLessThan(limit);
    expect(server.app.get<LimitsConfig>(LIMITS_CONFIG).maxConnections).toBeLessThan(limit);
  });

  it('are counted in /metrics', async () => {
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    expect(metrics).toMatch(/^sallyport_http_connections [1-9]/m);
    expect(metrics).toContain('# TYPE sallyport_http_connections_ended_total counter');
  });
});
