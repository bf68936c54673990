import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ApiKeys } from '../src/identity/api-keys/api-keys.service.js';
import { PublishRate } from '../src/live/publish/publish-rate.js';
import { TopicBus } from '../src/live/topics/topic.bus.js';
import { TooManyRequestsError, UnavailableError } from '../src/live/errors/sallyport.errors.js';
import { Presence } from '../src/live/presence/presence.js';
import { needs } from './kit/needs.js';
import { startServer, type TestServer } from './kit/server.js';
import { SHARED_STORES, startTwoNodes, type TwoNodes } from './kit/two-nodes.js';

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: {
    readonly error?: { readonly code: string; readonly message: string; readonly field?: string };
    readonly viewers?: readonly { readonly since: string | null }[];
    readonly events?: readonly { readonly cursor: string; readonly payload: { readonly title: string } }[];
    readonly recovered?: boolean;
  };
}

const QUIET = { USER_COUNT_INTERVAL_SECONDS: '3600', THROTTLE_EXEMPT: '127.0.0.1' };
const OFFLINE = { online: false, connections: 0, since: null };
const newViewer = (): string => `external:acme:${randomUUID()}`;

const makeKey = async (server: TestServer, ...scopes: string[]): Promise<string> =>
  (await server.app.get(ApiKeys).create(randomUUID(), scopes)) ?? '';

async function get(server: TestServer, path: string, key: string, method = 'GET'): Promise<Answer> {
  const response = await fetch(`${server.url}${path}`, { method, headers: { authorization: `Bearer ${key}` } });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? {} : (JSON.parse(text) as Answer['body']),
  };
}

const presence = (server: TestServer, key: string, ...viewers: string[]): Promise<Answer> =>
  get(server, `/presence?${viewers.map((viewer) => `viewer=${encodeURIComponent(viewer)}`).join('&')}`, key);

const history = (server: TestServer, key: string, query: Record<string, string>): Promise<Answer> =>
  get(server, `/history?${new URLSearchParams(query).toString()}`, key);

async function publish(server: TestServer, viewer: string, ...titles: string[]): Promise<string[]> {
  const events = titles.map((title) => ({ topic: 'notifications', viewer, payload: { kind: 'note', title } }));
  const response = await fetch(`${server.url}/publish`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${await makeKey(server, 'publish')}` },
    body: JSON.stringify({ events }),
  });
  const { results } = (await response.json()) as { results: { cursor: string }[] };
  return results.map(({ cursor }) => cursor);
}

describe('what a backend can ask, on one node in memory', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({ env: QUIET });
  });
  afterAll(() => server.stop());
  describeQueries(() => [server, server]);

  it.each([
    ['/presence', 'presence'],
    ['/history', 'history'],
  ])('GET %s requires a valid key with the scope %s', async (path, scope) => {
    expect(await get(server, path, 'nonsense')).toMatchObject({
      status: 401,
      body: { error: { code: 'UNAUTHENTICATED' } },
    });
    const others = ['presence', 'history', 'publish', 'disconnect', 'tokens:acme', 'viewers'].filter(
      (one) => one !== scope,
    );
    expect(await get(server, path, await makeKey(server, ...others))).toMatchObject({
      status: 403,
      body: { error: { code: 'FORBIDDEN', message: `This key lacks the scope ${scope}.` } },
    });
  });

  it.each([
    ['GET', '/presence'],
    ['POST', '/tokens'],
    ['POST', '/publish'],
  ])('%s %s answers a wrong key with the challenge that a 401 must have (RFC 9110 §15.5.2)', async (method, path) => {
    const { status, headers } = await get(server, path, 'nonsense', method);
    expect([status, headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
  });

  it.each([
    ['/presence?viewer=user:1', 'viewer'],
    ['/presence', 'viewer'],
    ['/presence?viewer=', 'viewer'],
    [`/presence?viewer=${newViewer()},${newViewer()}`, 'viewer'],
    [`/presence?viewers=${newViewer()}`, 'query'],
    [`/presence?${'viewer=external:acme:1&'.repeat(101)}`, 'viewer'],
    ['/history?viewer=external:acme:1', 'topic'],
    ['/history?topic=notifications', 'viewer'],
    ['/history?topic=notifications&viewer=me', 'viewer'],
    ['/history?topic=notifications&topic=user_count&viewer=external:acme:1', 'topic'],
    ['/history?topic=notifications&viewer=external:acme:1&viewer=external:acme:2', 'viewer'],
    ['/history?topic=notifications&viewer=external:acme:1&since=x', 'query'],
    ['/history?topic=notifications&viewer=external:acme:1&__proto__=x', 'query'],
    ...['0', '-1', '1001', '1.5', '1e3', '٣', 'many'].map((limit): [string, string] => [
      `/history?topic=notifications&viewer=external:acme:1&limit=${limit}`,
      'limit',
    ]),
  ])('refuses GET %s and names %s', async (path, field) => {
    const answer = await get(server, path, await makeKey(server, 'presence', 'history'));
    expect(answer).toMatchObject({ status: 400, body: { error: { code: 'BAD_USER_INPUT', field } } });
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  it('does not know a topic that is not a feed', async () => {
    const answer = await history(server, await makeKey(server, 'history'), { topic: 'news', viewer: newViewer() });
    expect(answer).toMatchObject({ status: 404, body: { error: { code: 'NOT_FOUND' } } });
  });

  it('refuses other methods with 405, and answers HEAD without a body', async () => {
    const key = await makeKey(server, 'presence', 'history');
    const viewer = newViewer();
    for (const path of [`/presence?viewer=${viewer}`, `/history?topic=notifications&viewer=${viewer}`]) {
      expect((await get(server, path, key, 'POST')).headers.get('allow')).toContain('GET');
      expect((await get(server, path, key, 'POST')).status).toBe(405);
      expect(await get(server, path, key, 'HEAD')).toMatchObject({ status: 200, body: {} });
    }
  });

  it('answers 503 while the store is unavailable, and 429 with Retry-After beyond the rate limit', async () => {
    const key = await makeKey(server, 'presence', 'history');
    const ask = [
      () => presence(server, key, newViewer()),
      () => history(server, key, { topic: 'notifications', viewer: newViewer() }),
    ];
    const broken = [
      vi.spyOn(server.app.get(Presence), 'among').mockRejectedValue(new UnavailableError()),
      vi.spyOn(server.app.get(TopicBus), 'history').mockRejectedValue(new UnavailableError()),
    ];
    for (const asks of ask)
      expect(await asks()).toMatchObject({ status: 503, body: { error: { code: 'UNAVAILABLE' } } });
    for (const one of broken) one.mockRestore();
    const limited = vi.spyOn(server.app.get(PublishRate), 'spend').mockImplementation(() => {
      throw new TooManyRequestsError(7);
    });
    for (const asks of ask) {
      const answer = await asks();
      expect([answer.status, answer.body.error?.code]).toEqual([429, 'TOO_MANY_REQUESTS']);
      expect(answer.headers.get('retry-after')).toBe('7');
    }
    limited.mockRestore();
  });

  it('counts a request once for its key, as at least twenty', async () => {
    const rate = server.app.get(PublishRate);
    const viewers = Array.from({ length: 30 }, newViewer);
    const counted = [vi.spyOn(rate, 'spend'), vi.spyOn(rate, 'spendRest')];
    await presence(server, await makeKey(server, 'presence'), ...viewers);
    await history(server, await makeKey(server, 'history'), {
      topic: 'notifications',
      viewer: viewers[0]!,
      limit: '40',
    });
    expect(counted.map(({ mock }) => mock.calls.map(([, events]) => events))).toEqual([
      [1, 1],
      [30, 40],
    ]);
    for (const spy of counted) spy.mockRestore();
  });

  it('ends a page of the history after about a megabyte, and continues from its last cursor', async () => {
    const viewer = newViewer();
    await publish(server, viewer, ...Array.from({ length: 100 }, (_, index) => `${index} `));
    const read = vi.spyOn(server.app.get(TopicBus), 'history');
    const key = await makeKey(server, 'history');
    const answer = await history(server, key, { topic: 'notifications', viewer, limit: '1000' });
    expect(answer.body.events).toHaveLength(100);
    expect(Math.max(...read.mock.calls.map(([, { limit }]) => limit))).toBeLessThanOrEqual(100);
    const long = { title: '€'.repeat(20_000) };
    read.mockImplementation(async (_, { limit }) => {
      const events = Array.from({ length: limit }, () => ({ cursor: 'c', payload: long }) as never);
      return { events, recovered: true };
    });
    const bounded = await history(server, key, { topic: 'notifications', viewer, limit: '1000' });
    expect(bounded.body.events).toHaveLength(18);
    expect(bounded.body.recovered).toBe(true);
    read.mockRestore();
  });
});

needs('redis', 'postgres').each(SHARED_STORES)('what a backend can ask, on two nodes with %s', (kind) => {
  let pair: TwoNodes;
  beforeAll(async () => {
    pair = await startTwoNodes(QUIET, kind);
  });
  afterAll(() => pair.stop());
  describeQueries(() => pair.nodes);
});

/** Tests that run on one node and on two. */
function describeQueries(nodes: () => [TestServer, TestServer]): void {
  let server: TestServer;
  let other: TestServer;
  let key: string;
  beforeAll(async () => {
    [server, other] = nodes();
    key = await makeKey(server, 'presence', 'history');
  });

  it('presence: tells who is online on any node, with how many sockets and since when', async () => {
    const ada = await server.signedIn('ada');
    const absent = newViewer();
    const beforeMs = Date.now();
    const sockets = [await ada.socket(), await ada.socket()];
    const afterMs = Date.now();
    await vi.waitFor(
      async () => {
        const { status, body } = await presence(other, key, absent, ada.viewerId);
        expect(status).toBe(200);
        expect(body).toEqual({
          viewers: [
            { viewer: absent, ...OFFLINE },
            { viewer: ada.viewerId, online: true, connections: 2, since: expect.any(String) as string },
          ],
        });
        const since = body.viewers?.[1]?.since ?? '';
        expect(since).toBe(new Date(since).toISOString());
        expect(Date.parse(since)).toBeGreaterThanOrEqual(beforeMs);
        expect(Date.parse(since)).toBeLessThanOrEqual(afterMs);
      },
      { timeout: 15_000 },
    );
    for (const socket of sockets) await socket.close();
    await vi.waitFor(
      async () =>
        expect((await presence(other, key, ada.viewerId)).body).toEqual({
          viewers: [{ viewer: ada.viewerId, ...OFFLINE }],
        }),
      { timeout: 15_000 },
    );
  });

  it('presence: answers each viewer that was asked for, in order, also one that is asked for twice', async () => {
    const viewers = Array.from({ length: 98 }, newViewer);
    const asked = [...viewers, viewers[0] ?? '', 'external:acme:a%20b'];
    const { body } = await presence(server, key, ...asked);
    expect(body.viewers).toEqual(asked.map((viewer) => ({ viewer, ...OFFLINE })));
  });

  it('history: returns what is kept, from a cursor on, page by page', async () => {
    const viewer = newViewer();
    expect((await history(server, key, { topic: 'notifications', viewer })).body).toEqual({
      events: [],
      recovered: true,
    });
    const cursors = await publish(other, viewer, 'one', 'two', 'three');
    const all = (await history(server, key, { topic: 'notifications', viewer, after: '' })).body;
    expect(all.recovered).toBe(true);
    expect(all.events?.map(({ cursor, payload }) => [cursor, payload.title])).toEqual([
      [cursors[0], 'one'],
      [cursors[1], 'two'],
      [cursors[2], 'three'],
    ]);
    const page = { topic: 'notifications', viewer, after: cursors[0] ?? '', limit: '1' };
    const second = (await history(server, key, page)).body;
    expect([second.recovered, second.events?.map(({ payload }) => payload.title)]).toEqual([true, ['two']]);
    const last = (await history(server, key, { ...page, after: cursors[2] ?? '' })).body;
    expect(last).toEqual({ events: [], recovered: true });
  });

  it('history: has not recovered after a cursor that is unknown, of another viewer or no longer kept', async () => {
    const [viewer, stranger] = [newViewer(), newViewer()];
    const [own] = await publish(server, viewer, 'mine', ...Array.from({ length: 101 }, (_, index) => `${index}`));
    const [foreign] = await publish(server, stranger, 'theirs');
    for (const after of ['nonsense', foreign ?? '', own ?? ''])
      expect((await history(server, key, { topic: 'notifications', viewer, after })).body).toEqual({
        events: [],
        recovered: false,
      });
  });
}
