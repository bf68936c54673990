import { randomBytes, createHash } from 'node:crypto';
import type { Logger } from 'pino';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { LOGGER } from '../src/live/logging/logger.js';
import { openSocket } from '../src/testing/live-socket.js';
import { rawUpgrade } from './kit/raw-upgrade.js';
import { type SignedIn, startServer, type TestServer } from './kit/server.js';

/** The hash of `{ __typename }`, as clients with persisted queries send it. */
const TYPENAME_SHA256 = createHash('sha256').update('{ __typename }').digest('hex');

const BUILT_IN = new Set(['Boolean', 'Float', 'ID', 'Int', 'String']);

interface SchemaType {
  readonly name: string;
  readonly kind: string;
  readonly specifiedByURL: string | null;
  readonly fields: { readonly name: string; readonly description: string | null }[] | null;
}

let server: TestServer;
let ada: SignedIn;

beforeAll(async () => {
  server = await startServer({
    env: {
      USER_COUNT_INTERVAL_SECONDS: '3600',
      ALLOWED_ORIGINS: 'https://app.example',
    },
  });
  ada = await server.signedIn('ada');
});

afterAll(() => server.stop());

describe('one set of rules on both transports', () => {
  it('GQ-4 queries and mutations do not run over the socket', async () => {
    const socket = await ada.socket();
    socket.subscribe('1', 'mutation { logout }');
    expect(JSON.stringify(await socket.waitForMessage('error', '1'))).toContain('HTTP POST');
    expect(await ada.browser.me()).not.toBeNull();
    await socket.close();
  });

  it('subscriptions do not run over HTTP', async () => {
    const answer = await ada.browser.gql('subscription { userCount }');
    expect(answer.errors[0]?.extensions.code).toBe('BAD_USER_INPUT');
  });

  it.each([
    ['too many aliases', `{ ${Array.from({ length: 16 }, (_, index) => `a${index}: __typename`).join(' ')} }`],
    ['too many tokens', `{ ${'__typename '.repeat(1001)} }`],
    ['too long a text', `{ __typename } # ${'x'.repeat(15_000)}`],
    [
      'two root fields that hide in a fragment',
      'subscription { ...f } fragment f on Subscription { userCount b: userCount }',
    ],
  ])('GQ-1 refuses %s over both', async (_, text) => {
    const overHttp = await ada.browser.gql(text);
    expect(overHttp.data).toBeNull();
    expect(overHttp.errors.length).toBeGreaterThan(0);
    const socket = await ada.socket();
    socket.subscribe('1', text.replace(/^\{/, 'subscription {'));
    const refused = await socket.waitForMessage('error', '1');
    expect((refused.payload as unknown[]).length).toBeGreaterThan(0);
    await socket.close();
  });

  it('GQ-8 limits the number of validation errors, on both', async () => {
    const fields = Array.from({ length: 50 }, (_, index) => `unknown${index}`).join(' ');
    const overHttp = await ada.browser.gql(`{ me { ${fields} } }`);
    const socket = await ada.socket();
    socket.subscribe('1', `subscription { notifications { ${fields} } }`);
    const overSocket = (await socket.waitForMessage('error', '1')).payload as unknown[];
    await socket.close();
    expect([overHttp.errors.length, overSocket.length]).toEqual([20, 20]);
  });

  it('GQ-2 the schema is hidden in production, on both, and names are not suggested', async () => {
    const hidden = await startServer({
      env: { NODE_ENV: 'production', SECRET_KEYS: randomBytes(32).toString('hex') },
    });
    try {
      const { browser } = await hidden.signedIn();
      const schema = await browser.gql('{ __schema { types { name } } }');
      expect(schema.data).toBeNull();
      expect((await browser.gql('{ mee { token } }')).text).not.toContain('Did you mean');
      const socket = await openSocket(hidden.url, { token: await browser.token() });
      socket.subscribe('1', 'subscription { __schema { types { name } } }');
      expect(JSON.stringify(await socket.waitForMessage('error', '1'))).toContain('VALIDATION');
      socket.subscribe('2', 'subscription { userCoun }');
      expect(JSON.stringify(await socket.waitForMessage('error', '2'))).not.toContain('Did you mean');
      await socket.close();
    } finally {
      await hidden.stop();
    }
  });
});

describe('the schema', () => {
  it('describes every field, and specifies its own scalars', async () => {
    const { types } = (
      await ada.browser.query<{ __schema: { types: SchemaType[] } }>(
        '{ __schema { types { name kind specifiedByURL fields { name description } } } }',
      )
    ).__schema;
    const ours = types.filter(({ name }) => !name.startsWith('__') && !BUILT_IN.has(name));
    const bare = ours.flatMap(({ name, fields }) =>
      (fields ?? []).filter(({ description }) => !description).map((field) => `${name}.${field.name}`),
    );
    expect(bare).toEqual([]);
    const scalars = ours.filter(({ kind }) => kind === 'SCALAR');
    expect(scalars.map(({ name }) => name).sort()).toEqual(['DateTime', 'JSON']);
    for (const { specifiedByURL } of scalars) expect(specifiedByURL).toMatch(/^https:/);
  });

  it('gives `me` an id so that clients can cache it', async () => {
    expect(await ada.browser.query('{ me { id user { id } } }')).toEqual({ me: { id: ada.id, user: { id: ada.id } } });
  });
});

describe('HTTP', () => {
  const post = (headers: Record<string, string>, body = '{"query":"{ me { token } }"}') =>
    ada.browser.fetch('/graphql', { method: 'POST', headers, body });

  it.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data',
    'application/json; charset=utf-7',
    '',
  ])('CS-1 refuses the content type %j without a side effect', async (type) => {
    const response = await post({ 'content-type': type }, '{"query":"mutation { logout }"}');
    expect(response.status).toBe(415);
    expect(await ada.browser.me()).not.toBeNull();
  });

  it.each([
    'application/json',
    'Application/JSON; charset=UTF-8',
    'application/json; charset="utf-8"',
    'application/json;charset=utf8',
    'application/json; odata.metadata=none',
    'application/json;',
  ])('accepts the content type %j', async (type) => {
    expect((await post({ 'content-type': type })).status).toBe(200);
  });

  it.each(['GET', 'PUT', 'DELETE', 'PATCH'])('CS-2 CS-6 refuses %s', async (method) => {
    const response = await ada.browser.fetch('/graphql?query={__typename}', { method });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('POST');
  });

  it.each([
    ['a query by GET, as urql sends it', { method: 'GET' }, 405, /preferGetMethod: false/],
    [
      'EventSource',
      { method: 'GET', headers: { accept: 'text/event-stream' } },
      405,
      /WebSocket.*graphql-transport-ws/,
    ],
    ['server-sent events', { headers: { accept: 'text/event-stream' } }, 406, /WebSocket.*graphql-transport-ws/],
    ['multipart alone', { headers: { accept: 'multipart/mixed' } }, 406, /WebSocket.*graphql-transport-ws/],
    [
      'multipart as Apollo Client asks for it',
      { headers: { accept: 'multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/json' } },
      400,
      /WebSocket.*graphql-transport-ws/,
    ],
  ])('tells %s what to use instead', async (_, { method = 'POST', headers = {} }: RequestInit, status, message) => {
    const body = method === 'POST' ? { body: '{"query":"subscription { userCount }"}' } : {};
    const sent = { ...headers, 'content-type': 'application/json' };
    const response = await ada.browser.fetch('/graphql?query={__typename}', { method, headers: sent, ...body });
    expect(response.status).toBe(status);
    expect(await response.text()).toMatch(message);
  });

  it.each([
    [{ origin: 'https://evil.example' }, 403],
    [{ origin: 'null' }, 403],
    [{ origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' }, 403],
    [{ origin: 'https://app.example', 'sec-fetch-site': 'cross-site' }, 200],
  ])('CS-3 CS-4 answers %j with %i', async (headers, status) => {
    const response = await post({ 'content-type': 'application/json', ...headers });
    expect(response.status).toBe(status);
  });

  describe('CS-3 where a request comes from', () => {
    const OWN = () => server.url;
    const ask = async (headers: Record<string, string>) => {
      const answer = await fetch(`${server.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: '{"query":"mutation { logout }"}',
      });
      return answer.status;
    };
    const cookieOfSomebody = async () => {
      const { browser } = await server.signedIn();
      return { browser, cookie: [...browser.cookies].map((pair) => pair.join('=')).join('; ') };
    };

    /** Whether a request with a cookie is answered, by `Origin` and `Sec-Fetch-Site`; undefined omits the header. */
    const ANSWERS: readonly (readonly [origin: string | undefined, site: string | undefined, status: number])[] = [
      ...['https://evil.example', 'null', 'https://app.example.evil.tld', 'http://app.example'].flatMap((origin) =>
        ['cross-site', 'same-site', 'same-origin', 'none', undefined].map((site) => [origin, site, 403] as const),
      ),
      ...['https://app.example', 'own'].flatMap((origin) =>
        ['cross-site', 'same-site', 'same-origin', 'none', undefined].map((site) => [origin, site, 200] as const),
      ),
      [undefined, 'cross-site', 403],
      [undefined, 'same-site', 403],
      [undefined, 'same-origin, cross-site', 403],
      [undefined, 'same-origin', 200],
      [undefined, 'none', 200],
      [undefined, undefined, 403],
    ];

    it.each(ANSWERS)('from %s, which the browser calls %s, with a cookie: %i', async (origin, site, status) => {
      const { browser, cookie } = await cookieOfSomebody();
      const headers = {
        cookie,
        ...(origin === undefined ? {} : { origin: origin === 'own' ? OWN() : origin }),
        ...(site === undefined ? {} : { 'sec-fetch-site': site }),
      };
      expect(await ask(headers)).toBe(status);
      expect(await browser.me()).toEqual(status === 200 ? null : expect.anything());
    });

    it.each(['apollo-require-preflight', 'x-apollo-operation-name'])(
      'a program with a cookie is accepted with %s',
      async (name) => {
        const { cookie } = await cookieOfSomebody();
        expect(await ask({ cookie, [name]: '' })).toBe(403);
        expect(await ask({ cookie, [name]: 'true' })).toBe(200);
        expect(await ask({ cookie, [name]: 'true', origin: 'https://evil.example' })).toBe(403);
        expect(await ask({ cookie, [name]: 'true', 'sec-fetch-site': 'cross-site' })).toBe(403);
      },
    );

    it('is logged, once per reason, when a request without Origin is refused', async () => {
      const fresh = await startServer({ env: { USER_COUNT_INTERVAL_SECONDS: '3600' } });
      const warn = vi.spyOn(fresh.app.get<Logger>(LOGGER), 'warn');
      for (const origin of [{ 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }, { cookie: 'a=b' }]) {
        const headers = { 'content-type': 'application/json', ...origin } as Record<string, string>;
        expect((await fetch(`${fresh.url}/graphql`, { method: 'POST', headers, body: '{}' })).status).toBe(403);
      }
      expect(warn.mock.calls.map(([facts]) => facts)).toEqual([
        { event: 'origin-refused', origin: null, reason: 'other-site' },
        { event: 'origin-refused', origin: null, reason: 'no-origin' },
      ]);
      await fresh.stop();
    });

    it('a program without a cookie needs none of these headers', async () => {
      expect(await ask({})).toBe(200);
    });

    it('CS-4 a page on another site cannot sign in', async () => {
      const who = await server.signedIn();
      const query = `mutation { login(email: "${who.email}", password: "${who.password}") { id } }`;
      for (const headers of [{ origin: 'https://evil.example' }, { 'sec-fetch-site': 'cross-site' }]) {
        for (const type of ['application/json', 'text/plain', 'application/x-www-form-urlencoded']) {
          const answer = await fetch(`${server.url}/graphql`, {
            method: 'POST',
            headers: { 'content-type': type, ...headers } as Record<string, string>,
            body: JSON.stringify({ query }),
          });
          expect([403, 415]).toContain(answer.status);
          expect(answer.headers.getSetCookie()).toEqual([]);
        }
      }
    });
  });

  it('CS-5 allows listed origins only', async () => {
    const asked = (origin: string) =>
      server.browser({ origin }).fetch('/graphql', {
        method: 'OPTIONS',
        headers: { 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' },
      });
    const allowed = await asked('https://app.example');
    expect(allowed.headers.get('access-control-allow-origin')).toBe('https://app.example');
    expect(allowed.headers.get('access-control-allow-credentials')).toBe('true');
    for (const origin of ['https://evil.example', 'https://app.example.evil.tld', 'null']) {
      expect((await asked(origin)).headers.get('access-control-allow-origin')).toBeNull();
    }
  });

  it('GQ-3 refuses a batch, GQ-5 a body that is too large', async () => {
    const batch = await post({ 'content-type': 'application/json' }, '[{"query":"{__typename}"}]');
    expect(batch.status).toBe(400);
    const large = await post({ 'content-type': 'application/json' }, `{"query":"${'x'.repeat(200_000)}"}`);
    expect(large.status).toBe(413);
  });

  it('GQ-6 refuses persisted queries, before and after their text was sent', async () => {
    const extensions = { persistedQuery: { version: 1, sha256Hash: TYPENAME_SHA256 } };
    const byHash = async (query?: string) => {
      const answer = await post({ 'content-type': 'application/json' }, JSON.stringify({ query, extensions }));
      return ((await answer.json()) as { data?: unknown }).data;
    };
    expect([await byHash(), await byHash('{ __typename }'), await byHash()]).toEqual([undefined, undefined, undefined]);
  });

  it('CK-4 HD-1 sends the headers that keep answers private and inert', async () => {
    const { headers } = await ada.browser.gql('{ me { token } }');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(headers.get('x-powered-by')).toBeNull();
  });

  it('CK-6 a request that reached the proxy over http is refused on both transports', async () => {
    const env = { PUBLIC_URL: 'https://app.example', TRUSTED_PROXIES: '127.0.0.1' };
    const behindProxy = await startServer({ env });
    try {
      const ask = (proto: string) =>
        behindProxy.browser({ origin: 'https://app.example' }).fetch('/graphql', {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'x-forwarded-proto': proto },
          body: '{"query":"{ __typename }"}',
        });
      expect((await ask('https')).status).toBe(200);
      expect((await ask('http')).status).toBe(403);
      const upgrade = (proto: string) => rawUpgrade(behindProxy.url, { headers: { 'x-forwarded-proto': proto } });
      expect((await upgrade('https')).status).toBe(101);
      expect((await upgrade('http')).status).toBe(403);
    } finally {
      await behindProxy.stop();
    }
  });

  it.each([
    ['an accept header that allows no JSON', { accept: 'text/html' }, '{"query":"{ __typename }"}', 406, 'BAD_REQUEST'],
    ['a batch', {}, '[{"query":"{__typename}"}]', 400, 'BAD_REQUEST'],
    [
      'a persisted query',
      {},
      `{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"${TYPENAME_SHA256}"}}}`,
      200,
      'PERSISTED_QUERY_NOT_SUPPORTED',
    ],
    ['an unused variable', {}, '{"query":"query ($id: ID) { __typename }"}', 400, 'GRAPHQL_VALIDATION_FAILED'],
    ['a missing variable', {}, '{"query":"mutation ($id: ID!) { revokeSession(id: $id) }"}', 400, 'BAD_USER_INPUT'],
  ])('answers %s with a specific code', async (_, headers, body, status, code) => {
    const response = await post({ 'content-type': 'application/json', ...headers }, body);
    const { errors } = (await response.json()) as { errors: { extensions: { code: string } }[] };
    expect([response.status, errors[0]?.extensions.code]).toEqual([status, code]);
  });

  it('LK-2 does not repeat the value of a variable with the wrong type', async () => {
    const query = 'mutation ($p: String!) { login(email: "a@b.example", password: $p) { id } }';
    const answer = await ada.browser.gql(query, { p: { canary: 'canary-4711' } });
    expect(answer.text).not.toContain('canary-4711');
    expect(answer.errors[0]?.extensions).toMatchObject({ code: 'BAD_USER_INPUT' });
  });
});
