import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import createClient, { type Middleware } from 'openapi-fetch';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { ApiKeys } from '../src/identity/api-keys/api-keys.service.js';
import { CustomerRateLimit } from '../src/identity/app-proxy/customer.rate-limit.js';
import { TooManyRequestsError } from '../src/live/errors/sallyport.errors.js';
import { Issuer, trustedIssuersEnv } from './kit/issuer.js';
import type { paths } from './kit/openapi-types.js';
import { startServer, type TestServer } from './kit/server.js';
import { signQuery } from './kit/shop-signature.js';

type Json = Readonly<Record<string, unknown>>;

const DOCUMENT = JSON.parse(readFileSync(new URL('../openapi.json', import.meta.url), 'utf8')) as Json;
const SECRET = 'hush-hush-hush-hush-hush-hush-hush';
const SHOP = 'demo.myshopify.com';
const SCOPES = ['publish', 'tokens:acme', 'disconnect', 'presence', 'history', 'viewers'];
/** Routes outside the HTTP API: GraphQL, pages with their assets and endpoints, preflights, and pages below the app proxy's path. */
const ELSEWHERE = new Set([
  '/',
  '/graphql',
  '/graphiql',
  '/assets/*',
  '/live/sallyport-live.:hash.js',
  '/app-proxy*',
  '/*',
  '*',
]);

let server: TestServer;
let issuer: Issuer;
let client: ReturnType<typeof createClient<paths>>;

beforeAll(async () => {
  issuer = await Issuer.start('acme');
  const env = { APP_PROXY_SECRET: SECRET, APP_PROXY_SHOPS: SHOP, USER_COUNT_INTERVAL_SECONDS: '3600' };
  server = await startServer({ env: { ...env, ...trustedIssuersEnv(issuer) } });
  const key = await server.app.get(ApiKeys).create('generated client', SCOPES);
  client = createClient<paths>({ baseUrl: server.url, headers: { authorization: `Bearer ${key}` } });
  client.use(validating());
});
afterAll(async () => {
  await server.stop();
  await issuer.stop();
});

const ajv = new Ajv2020({ strict: false, validateFormats: false });
ajv.addSchema(DOCUMENT, 'openapi');

/** Resolves a path in the document, following references; also returns the target's pointer. */
function find(...steps: string[]): { readonly value: Json | undefined; readonly pointer: string } {
  let value: unknown = DOCUMENT;
  let taken: string[] = [];
  for (const step of steps) {
    const reference = (value as { $ref?: string } | undefined)?.$ref;
    if (reference) {
      taken = reference.slice(2).split('/');
      value = taken.reduce<unknown>((place, name) => (place as Json)[name], DOCUMENT);
    }
    taken = [...taken, step];
    value = (value as Json | undefined)?.[step];
  }
  const pointer = taken.map((step) => step.replaceAll('~', '~0').replaceAll('/', '~1')).join('/');
  return { value: value as Json | undefined, pointer };
}

/** Validates each response against its operation and status in the document. */
function validating(): Middleware {
  return {
    async onResponse({ schemaPath, request, response }) {
      const operation = ['paths', schemaPath, request.method.toLowerCase(), 'responses', String(response.status)];
      const type = response.headers.get('content-type')?.split(';')[0] ?? '';
      const { value: content } = find(...operation, 'content');
      const text = await response.clone().text();
      expect([schemaPath, response.status, text === '' || content?.[type] !== undefined]).toEqual([
        schemaPath,
        response.status,
        true,
      ]);
      if (type !== 'application/json') return;
      const { pointer } = find(...operation, 'content', type, 'schema');
      const validate = ajv.compile({ $ref: `openapi#/${pointer}` });
      const isValid = validate(JSON.parse(text));
      expect([schemaPath, response.status, isValid, validate.errors]).toEqual([
        schemaPath,
        response.status,
        true,
        null,
      ]);
    },
  };
}

const newViewer = (): string => `external:acme:${randomUUID()}`;

it('GET /openapi.json is the committed document, for everyone', async () => {
  const response = await fetch(`${server.url}/openapi.json`);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
  expect(await response.json()).toEqual(DOCUMENT);
});

it('the document has every route of the server except GraphQL and the pages', () => {
  const tree = server.app.getHttpAdapter().getInstance().printRoutes({ commonPrefix: false });
  const documented = Object.keys(DOCUMENT['paths'] as Json);
  const routes = pathsIn(tree);
  expect(routes.filter((path) => !ELSEWHERE.has(path) && !path.startsWith('/console')).sort(compare)).toEqual(
    documented.sort(compare),
  );
});

const compare = (one: string, other: string): number => one.localeCompare(other);

/** Returns the paths in Fastify's printed route tree, which nests each part of a path with an indent of four. */
function pathsIn(tree: string): string[] {
  const parts: string[] = [];
  return tree.split('\n').flatMap((line) => {
    const [, indent = '', part = ''] = /^([│ ]*)[├└]── (\S+) \(/.exec(line) ?? [];
    if (part === '') return [];
    parts.splice(indent.length / 4, Infinity, part);
    return parts.join('');
  });
}

it('a generated client publishes, and reads the history', async () => {
  const viewer = newViewer();
  const payload = { kind: 'note', title: 'Hello' };
  const events = [
    { topic: 'notifications', viewer, payload, key: randomUUID() },
    { topic: 'nothing', viewer, payload },
  ];
  const published = await client.POST('/publish', { body: { events } });
  expect(published.data?.results).toHaveLength(2);
  const query = { topic: 'notifications', viewer, limit: 10 };
  const read = await client.GET('/history', { params: { query } });
  expect(read.data?.events).toMatchObject([{ payload }]);
  expect(read.data?.recovered).toBe(true);
  const unknown = await client.GET('/history', { params: { query: { ...query, topic: 'nothing' } } });
  expect(unknown.error?.error.code).toBe('NOT_FOUND');
});

it('a generated client makes tokens, disconnects, and finds viewers', async () => {
  const viewer = newViewer();
  const token = await client.POST('/tokens', { body: { viewer, session: 'one', expiresInSeconds: 30 } });
  expect(token.data?.token).toEqual(expect.any(String));
  expect((await client.POST('/disconnect', { body: { viewer } })).response.status).toBe(200);
  expect((await client.POST('/disconnect', { body: { session: 'one' } })).data).toEqual({});
  const ada = await server.signedIn('ada');
  expect((await client.POST('/viewers/find', { body: { email: ada.email } })).data).toEqual({ viewer: ada.viewerId });
  const external = await client.POST('/viewers/find', { body: { source: 'acme', subject: 'a b' } });
  expect(external.data).toEqual({ viewer: 'external:acme:a%20b' });
  expect((await client.POST('/viewers/find', { body: { email: 'x@example.com' } })).response.status).toBe(404);
});

it('a generated client asks who is online, with several viewers in one query', async () => {
  const ada = await server.signedIn('ada');
  const socket = await ada.socket();
  const absent = 'external:acme:a%3Ab';
  const { data } = await client.GET('/presence', { params: { query: { viewer: [ada.viewerId, absent] } } });
  expect(data?.viewers).toMatchObject([
    { viewer: ada.viewerId, online: true, connections: 1 },
    { viewer: absent, online: false, connections: 0, since: null },
  ]);
  await socket.close();
});

it('a generated client gets the documented refusals', async () => {
  const viewer = [newViewer()];
  const query = { viewer };
  const anonymous = await client.GET('/presence', { params: { query }, headers: { authorization: null } });
  expect(anonymous.error?.error.code).toBe('UNAUTHENTICATED');
  const publisher = (await server.app.get(ApiKeys).create('publisher')) ?? '';
  const headers = { authorization: `Bearer ${publisher}` };
  expect((await client.GET('/presence', { params: { query }, headers })).error?.error.code).toBe('FORBIDDEN');
  expect((await client.POST('/disconnect', { body: { viewer: '' }, headers })).error?.error.code).toBe('FORBIDDEN');
  const malformed = await client.GET('/presence', { params: { query: { viewer: ['nobody'] } } });
  expect(malformed.error?.error).toMatchObject({ code: 'BAD_USER_INPUT', field: 'viewer' });
  expect((await client.POST('/tokens', { body: { viewer: 'nobody' } })).response.status).toBe(400);
});

it('a generated client calls the endpoints without an API key', async () => {
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const logout = await client.POST('/oidc/backchannel-logout', {
    body: { logout_token: await issuer.logoutToken({ sid: 'one' }) },
    headers: form,
  });
  expect(logout.response.status).toBe(200);
  const refused = await client.POST('/oidc/backchannel-logout', { body: { logout_token: 'nonsense' }, headers: form });
  expect(refused.error?.error.code).toBe('BAD_USER_INPUT');
  expect((await client.GET('/healthz')).data).toEqual({ status: 'ok' });
  expect((await client.GET('/readyz')).data?.status).toBe('ok');
  expect((await client.GET('/metrics', { parseAs: 'text' })).data).toContain('process_cpu_seconds_total');
  expect((await client.GET('/openapi.json')).data).toEqual(DOCUMENT);
});

const headers = { 'x-forwarded-for': '203.0.113.7', 'user-agent': 'a browser' };

/** The signed query of a visit by this customer; '' for a visitor who is not logged in. */
function visitOf(customer: string) {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const visit = { shop: SHOP, path_prefix: '/apps/live', timestamp, logged_in_customer_id: customer };
  return { ...visit, signature: signQuery(new URLSearchParams(visit), SECRET) };
}

it('a generated client calls the app proxy as a shop does', async () => {
  const query = visitOf('42');
  const token = await client.GET('/app-proxy/token', { params: { query }, headers });
  expect(token.data?.token).toEqual(expect.any(String));
  const page = await client.GET('/app-proxy', { params: { query }, headers, parseAs: 'text' });
  expect(page.response.status).toBe(200);
  const forged = await client.GET('/app-proxy/token', { params: { query: { ...query, logged_in_customer_id: '43' } } });
  expect(forged.response.status).toBe(403);
});

it("a generated client gets the app proxy's documented refusals", async () => {
  const guest = await client.GET('/app-proxy/token', { params: { query: visitOf('') }, headers });
  expect(guest.error?.error.code).toBe('UNAUTHENTICATED');
  const unbound = { params: { query: visitOf('42') }, headers: { 'user-agent': 'a browser' } };
  expect((await client.GET('/app-proxy/token', unbound)).error?.error.code).toBe('FORBIDDEN');
  const limit = vi.spyOn(server.app.get(CustomerRateLimit, { strict: false }), 'count');
  limit.mockRejectedValue(new TooManyRequestsError(7));
  for (const path of ['/app-proxy', '/app-proxy/token'] as const)
    expect((await client.GET(path, { params: { query: visitOf('42') }, headers })).response.status).toBe(429);
  limit.mockRestore();
});
