import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { createLiveClient, type LiveState, tokenFromUrl } from '../client/index.js';
import { ApiKeys } from '../src/identity/api-keys/api-keys.service.js';
import { Database } from '../src/identity/database/database.js';
import { apiKeys } from '../src/identity/database/schema.js';
import { SessionRevocations } from '../src/live/sessions/session-revocations.js';
import { SessionWatch } from '../src/live/sessions/session-watch.js';
import { hashApiKey, newApiKey } from '../src/identity/api-keys/api-key.js';
import { Inbox } from '../src/testing/inbox.js';
import { closeCodeFor, type LiveSocket, openSocket } from '../src/testing/live-socket.js';
import { needs } from './kit/needs.js';
import { startServer, type TestServer } from './kit/server.js';
import { startTwoNodes, type TwoNodes } from './kit/two-nodes.js';

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown> & { readonly error?: { readonly code: string; readonly message: string } };
}

const EVENT = { topic: 'notifications', payload: { kind: 'hello', title: 'Hello' } };
const makeKey = async (server: TestServer, ...scopes: string[]): Promise<string> =>
  (await server.app.get(ApiKeys).create(randomUUID(), scopes)) ?? '';

async function post(server: TestServer, path: string, key: string, body: unknown): Promise<Answer> {
  const response = await fetch(`${server.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Answer['body'] };
}

async function tokenFor(server: TestServer, key: string, body: Record<string, unknown>): Promise<string> {
  const answer = await post(server, '/tokens', key, body);
  expect(answer.status).toBe(200);
  return answer.body['token'] as string;
}

const isOpen = (socket: LiveSocket): boolean => socket.ws.readyState === socket.ws.OPEN;

const QUIET = { USER_COUNT_INTERVAL_SECONDS: '3600', THROTTLE_EXEMPT: '127.0.0.1' };

describe('tokens of a backend, on one node in memory', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ env: QUIET });
  });
  afterAll(() => server.stop());
  describeTokens(() => [server, server]);
});

needs('redis', 'postgres')('tokens of a backend, on two nodes', () => {
  let pair: TwoNodes;
  beforeAll(async () => {
    pair = await startTwoNodes(QUIET);
  });
  afterAll(() => pair.stop());
  describeTokens(() => pair.nodes);
});

/** Tests that run on one node and on two: a change on one takes effect on the other. */
function describeTokens(nodes: () => [TestServer, TestServer]): void {
  let server: TestServer;
  let other: TestServer;
  let acme: string;
  beforeAll(async () => {
    [server, other] = nodes();
    acme = await makeKey(server, 'tokens:acme', 'disconnect', 'publish:notifications');
  });

  it("open a socket that receives the viewer's events", async () => {
    const viewer = 'external:acme:ann';
    const { body, status } = await post(server, '/tokens', acme, { viewer, expiresInSeconds: 30 });
    expect(status).toBe(200);
    const leftMs = Date.parse(String(body['expiresAt'])) - Date.now();
    expect(leftMs).toBeGreaterThan(20_000);
    expect(leftMs).toBeLessThanOrEqual(30_000);
    const socket = await openSocket(other.url, { token: body['token'] as string });
    socket.subscribe('1', 'subscription { notifications { title } }');
    await socket.settled();
    const published = await post(server, '/publish', acme, { events: [{ ...EVENT, viewer }] });
    expect(published.body['results']).toEqual([{ cursor: expect.any(String) }]);
    expect((await socket.waitForMessage('next')).payload).toMatchObject({
      data: { notifications: { title: 'Hello' } },
    });
    await socket.close();
  });

  it('without a session: the ack has their expiry, and a new one of the same viewer keeps the socket open', async () => {
    const viewer = 'external:acme:bea';
    const socket = await openSocket(server.url);
    socket.send({ type: 'connection_init', payload: { token: await tokenFor(server, acme, { viewer }) } });
    const ack = (await socket.waitForMessage('connection_ack')).payload as { expiresAt: string };
    expect(Date.parse(ack.expiresAt) - Date.now()).toBeLessThanOrEqual(60_000);
    const longer = await tokenFor(server, acme, { viewer, expiresInSeconds: 600 });
    socket.send({ type: 'ping', payload: { token: longer } });
    const pong = (await socket.waitForMessage('pong')).payload as { expiresAt: string };
    expect(Date.parse(pong.expiresAt) - Date.now()).toBeGreaterThan(500_000);
    socket.send({ type: 'ping', payload: { token: await tokenFor(server, acme, { viewer: 'external:acme:eve' }) } });
    expect((await socket.waitForClose()).code).toBe(4403);
  });

  it('end with /disconnect of their viewer on every node; earlier tokens are refused, later ones accepted', async () => {
    const viewer = `external:acme:${randomUUID()}`;
    const old = await tokenFor(server, acme, { viewer, session: 's-1' });
    const sockets = await Promise.all([
      openSocket(server.url, { token: old }),
      openSocket(other.url, { token: await tokenFor(server, acme, { viewer }) }),
    ]);
    const bystander = await openSocket(other.url, {
      token: await tokenFor(server, acme, { viewer: `external:acme:${randomUUID()}` }),
    });
    expect(await post(server, '/disconnect', acme, { viewer })).toEqual({ status: 200, body: {} });
    for (const socket of sockets) expect((await socket.waitForClose()).code).toBe(4401);
    expect(await closeCodeFor(other.url, old)).toBe(4401);
    expect(await closeCodeFor(other.url, await tokenFor(server, acme, { viewer }))).toBe(1000);
    await bystander.settled();
    expect(isOpen(bystander)).toBe(true);
    await bystander.close();
  });

  it.each([
    ['its name', (name: string) => name],
    ['its whole id', (name: string) => `external:acme:${name}`],
  ])('end with /disconnect of their session by %s, including later tokens for it', async (_form, sent) => {
    const viewer = `external:acme:${randomUUID()}`;
    const session = randomUUID();
    const token = await tokenFor(server, acme, { viewer, session });
    const ended = await openSocket(other.url, { token });
    const stays = await openSocket(server.url, {
      token: await tokenFor(server, acme, { viewer, session: randomUUID() }),
    });
    expect(await post(server, '/disconnect', acme, { session: sent(session) })).toEqual({ status: 200, body: {} });
    expect((await ended.waitForClose()).code).toBe(4401);
    expect(await closeCodeFor(server.url, token)).toBe(4401);
    expect(await closeCodeFor(other.url, await tokenFor(server, acme, { viewer, session }))).toBe(4401);
    await stays.settled();
    expect(isOpen(stays)).toBe(true);
    await stays.close();
  });

  it.each([
    ['on themselves', undefined],
    ['on a session', 's-3'],
  ])(
    'that depend %s end with /disconnect of their viewer whatever the clock that issued them says',
    async (_, session) => {
      const viewer = `external:acme:${randomUUID()}`;
      const tokenAt = async (ms: number) => {
        vi.useFakeTimers({ toFake: ['Date'], now: ms });
        return tokenFor(server, acme, { viewer, session }).finally(() => void vi.useRealTimers());
      };
      const [token, unused] = [await tokenAt(Date.now() + 4_000), await tokenAt(Date.now() + 4_000)];
      const socket = await openSocket(server.url, { token });
      expect((await post(server, '/disconnect', acme, { viewer })).status).toBe(200);
      expect((await socket.waitForClose()).code).toBe(4401);
      expect(await closeCodeFor(other.url, unused)).toBe(4401);
      expect(await closeCodeFor(other.url, await tokenAt(Date.now() - 4_000))).toBe(1000);
    },
  );

  it.each([
    ['on themselves', undefined],
    ['on a session', 's-2'],
  ])('that depend %s end on a node that missed /disconnect, at its periodic check', async (_, session) => {
    const viewer = `external:acme:${randomUUID()}`;
    const token = await tokenFor(server, acme, { viewer, session });
    const socket = await openSocket(other.url, { token });
    const silenced = vi
      .spyOn(server.app.get(SessionRevocations, { strict: false }), 'announceViewer')
      .mockResolvedValue();
    expect((await post(server, '/disconnect', acme, { viewer })).status).toBe(200);
    silenced.mockRestore();
    expect(await closeCodeFor(other.url, token)).toBe(4401);
    await other.app.get(SessionWatch, { strict: false }).check();
    expect((await socket.waitForClose()).code).toBe(4401);
  });

  it('allow /disconnect with a separate key, which names only the session', async () => {
    const session = randomUUID();
    const token = await tokenFor(server, acme, { viewer: 'external:acme:cat', session });
    const only = await makeKey(server, 'disconnect');
    expect((await post(other, '/disconnect', only, { session })).status).toBe(200);
    expect(await closeCodeFor(server.url, token)).toBe(4401);
  });

  it('end with /disconnect of their session by its name after the key that made them was revoked', async () => {
    const [name, session] = [randomUUID(), randomUUID()];
    const keys = server.app.get(ApiKeys);
    const maker = (await keys.create(name, ['tokens:former'])) ?? '';
    const token = await tokenFor(server, maker, { viewer: 'external:former:cat', session });
    const socket = await openSocket(other.url, { token });
    expect(await keys.revoke(name)).toBe(true);
    const only = await makeKey(server, 'disconnect');
    expect(await post(server, '/disconnect', only, { session })).toEqual({ status: 200, body: {} });
    expect((await socket.waitForClose()).code).toBe(4401);
    expect(await closeCodeFor(server.url, token)).toBe(4401);
  });

  it('answer {} to /disconnect of a session that no source knows', async () => {
    const only = await makeKey(server, 'disconnect');
    expect(await post(server, '/disconnect', only, { session: 'of-nobody' })).toEqual({ status: 200, body: {} });
  });

  it.each([
    ['viewer', { viewer: 'external:acme:nil', session: null }],
    ['session', { viewer: null, session: 'nil' }],
  ])('answer {} to /disconnect of a %s where the other field is null', async (_, body) => {
    expect(await post(server, '/disconnect', acme, body)).toEqual({ status: 200, body: {} });
  });

  it('and accounts as well: /disconnect ends every session of one, or one by its id', async () => {
    const { browser, viewerId } = await server.signedIn();
    const socket = await openSocket(other.url, { token: await browser.token() });
    expect((await post(server, '/disconnect', acme, { viewer: viewerId })).status).toBe(200);
    expect((await socket.waitForClose()).code).toBe(4401);
    expect((await browser.gql('{ me { token } }')).data).toEqual({ me: null });
  });
}

describe('a page of a backend', () => {
  it("stays connected with its backend's tokens, and is signed out when its backend disconnects it", async () => {
    const server = await startServer({ env: QUIET });
    const key = await makeKey(server, 'tokens:acme', 'disconnect', 'publish');
    let signedIn = true;
    const backend = createServer((_, response) => {
      const body = { viewer: 'external:acme:ann', session: 'at-the-backend', expiresInSeconds: 30 };
      if (!signedIn) response.writeHead(401).end('{}');
      else void post(server, '/tokens', key, body).then((answer) => response.end(JSON.stringify(answer.body)));
    });
    backend.listen(0, '127.0.0.1');
    await once(backend, 'listening');
    const { port } = backend.address() as AddressInfo;
    const states = new Inbox<LiveState>();
    const titles = new Inbox<string>();
    const client = createLiveClient({
      url: `${server.url}/graphql`,
      webSocketImpl: WebSocket,
      getToken: tokenFromUrl(`http://127.0.0.1:${port}/live-token`),
      onState: (state) => states.put(state),
    });
    client.subscribe<{ notifications: { title: string } }>(
      { query: 'subscription { notifications { title } }' },
      { next: ({ data }) => titles.put(data?.notifications.title ?? ''), error: () => {}, complete: () => {} },
    );
    await states.take((state) => state === 'live', 'live');
    await vi.waitFor(
      async () => {
        await post(server, '/publish', key, { events: [{ ...EVENT, viewer: 'external:acme:ann' }] });
        await titles.take((title) => title === 'Hello', 'Hello');
      },
      { timeout: 30_000 },
    );
    signedIn = false;
    expect((await post(server, '/disconnect', key, { session: 'at-the-backend' })).status).toBe(200);
    await states.take((state) => state === 'signedOut', 'signedOut');
    await client.dispose();
    backend.close();
    await server.stop();
  });
});

describe('the scopes of a key', () => {
  let server: TestServer;
  let key: string;

  beforeAll(async () => {
    server = await startServer({ env: QUIET });
    key = await makeKey(server, 'tokens:acme', 'publish:notifications');
  });
  afterAll(() => server.stop());

  it('are checked for each event: those outside are refused individually', async () => {
    const viewer = 'external:acme:ann';
    const events = [
      { topic: 'user_count', viewer, payload: 1 },
      { ...EVENT, viewer },
    ];
    const { status, body } = await post(server, '/publish', key, { events });
    expect(status).toBe(200);
    expect(body['results']).toEqual([
      { error: { code: 'FORBIDDEN', message: expect.stringContaining('publish:user_count') } },
      { cursor: expect.any(String) },
    ]);
  });

  it.each([
    ['/tokens', ['publish'], { viewer: 'external:acme:ann' }, 'tokens:<source>'],
    ['/tokens', ['tokens:globex'], { viewer: 'external:acme:ann' }, 'tokens:acme'],
    ['/disconnect', ['publish', 'tokens:acme'], { viewer: 'external:acme:ann' }, 'disconnect'],
    ['/publish', ['tokens:acme', 'disconnect'], { events: [] }, 'publish'],
  ])('that lack what %s requires get a 403 that says so', async (path, scopes, body, needed) => {
    const answer = await post(server, path, await makeKey(server, ...scopes), body);
    expect(answer).toMatchObject({ status: 403, body: { error: { code: 'FORBIDDEN' } } });
    expect(answer.body.error?.message).toContain(needed);
  });

  it('of a key of 0.1.0 are only publish', async () => {
    const old = newApiKey();
    await server.app
      .get(Database)
      .run((orm) =>
        orm
          .insert(apiKeys)
          .values({ id: randomUUID(), name: 'old', secretHash: hashApiKey(old), createdAt: new Date() }),
      );
    const events = [{ ...EVENT, viewer: 'external:acme:ann' }];
    expect((await post(server, '/publish', old, { events })).body['results']).toEqual([{ cursor: expect.any(String) }]);
    expect((await post(server, '/tokens', old, { viewer: 'external:acme:ann' })).status).toBe(403);
    expect((await post(server, '/disconnect', old, { viewer: 'external:acme:ann' })).status).toBe(403);
  });

  it.each<[string, unknown, number]>([
    ['text that is no JSON', '{"viewer"', 400],
    ['a list', [], 400],
    ['nothing', {}, 400],
    ['a field of its own', { viewer: 'external:acme:a', role: 'admin' }, 400],
    ['an account', { viewer: `user:${randomUUID()}` }, 400],
    ['a customer', { viewer: 'customer:shop.myshopify.com:1' }, 400],
    ['a subject with a separator', { viewer: 'external:acme:a:b' }, 400],
    ['a subject that is another spelling', { viewer: 'external:acme:%61' }, 400],
    ['a subject with a control', { viewer: 'external:acme:a\u0000' }, 400],
    ['a subject in unicode', { viewer: 'external:acme:ä' }, 400],
    ['a subject of 201 bytes', { viewer: `external:acme:${'a'.repeat(201)}` }, 400],
    ['no source', { viewer: 'external::a' }, 400],
    ['another source', { viewer: 'external:globex:a' }, 403],
    ['a session that is a number', { viewer: 'external:acme:a', session: 1 }, 400],
    ['a session with a control', { viewer: 'external:acme:a', session: 'a\nb' }, 400],
    ['a life of no second', { viewer: 'external:acme:a', expiresInSeconds: 0 }, 400],
    ['a life of more than an hour', { viewer: 'external:acme:a', expiresInSeconds: 3_601 }, 400],
    ['a life in text', { viewer: 'external:acme:a', expiresInSeconds: '60' }, 400],
    ['a huge body', { viewer: 'a'.repeat(10_000) }, 413],
  ])('do not make /tokens accept %s', async (_, body, status) => {
    const answer = await post(server, '/tokens', key, body);
    expect(answer.status).toBe(status);
    expect(answer.body.error?.message).toEqual(expect.any(String));
    expect(answer.body['token']).toBeUndefined();
  });

  it.each(['/publish', '/tokens', '/disconnect'])('do not make %s read JSON of another content type', async (path) => {
    const headers = { authorization: `Bearer ${await makeKey(server, 'publish', 'disconnect', 'tokens:acme')}` };
    for (const type of ['text/plain', 'application/xml', 'application/vnd.api+json']) {
      const init = { method: 'POST', headers: { ...headers, 'content-type': type }, body: '{}' };
      const answer = await fetch(new URL(path, server.url), init);
      expect([answer.status, await answer.json()]).toMatchObject([
        415,
        { error: { message: expect.stringContaining('content type') } },
      ]);
    }
  });

  it.each(['/publish', '/tokens', '/disconnect', '/viewers/find'])('do not make %s read a form', async (path) => {
    const backend = await makeKey(server, 'publish', 'disconnect', 'tokens:acme', 'viewers');
    const answer = await fetch(new URL(path, server.url), {
      method: 'POST',
      headers: { authorization: `Bearer ${backend}` },
      body: new URLSearchParams({ viewer: 'external:acme:a' }),
    });
    expect([answer.status, await answer.json()]).toMatchObject([
      415,
      { error: { code: 'BAD_USER_INPUT', message: expect.stringContaining('content type') } },
    ]);
  });

  it.each<[string, unknown]>([
    ['nothing', {}],
    ['both', { viewer: 'external:acme:a', session: 'b' }],
    ['nulls', { viewer: null, session: null }],
    ['an invalid viewer', { viewer: 'nobody' }],
    ['an external session that is spelled otherwise', { session: 'external:acme:a:b' }],
    ['a session with a control', { session: 'a\nb' }],
  ])('do not make /disconnect accept %s', async (_, body) => {
    const answer = await post(server, '/disconnect', await makeKey(server, 'disconnect', 'tokens:acme'), body);
    expect(answer).toMatchObject({ status: 400, body: { error: { code: 'BAD_USER_INPUT' } } });
  });

  it('are checked after the key itself', async () => {
    expect((await post(server, '/tokens', newApiKey(), '{')).status).toBe(401);
    expect((await post(server, '/disconnect', '', '{')).status).toBe(401);
  });
});
