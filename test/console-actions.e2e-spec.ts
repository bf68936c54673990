import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { NotificationsFeed } from '../src/feeds/notifications/notifications.feed.js';
import { TooManyRequestsError } from '../src/live/errors/sallyport.errors.js';
import { AuditLog } from '../src/live/logging/audit-log.js';
import { PublishRate } from '../src/live/publish/publish-rate.js';
import { TopicBus } from '../src/live/topics/topic.bus.js';
import { topicOf } from '../src/live/topics/topic.js';
import { callConsole, signedIn } from './kit/console-client.js';
import { makeKey } from './kit/console-fixture.js';
import { notify } from './kit/publish.js';
import { startServer, type TestServer } from './kit/server.js';

const WAIT = { timeout: 30_000, interval: 200 };

describe('an operator', () => {
  let server: TestServer;
  let audited: Record<string, unknown>[] = [];

  beforeAll(async () => {
    server = await startServer({ env: { USER_COUNT_INTERVAL_SECONDS: '3600' } });
    server.app.get(AuditLog).listen((record) => audited.push({ ...record }));
  });
  afterAll(() => server.stop());

  it('finds a viewer by id, e-mail, account id, and source and subject', async () => {
    const { browser, name } = await signedIn(server, ['console']);
    const ada = await server.signedIn();
    const found = async (query: unknown): Promise<unknown> =>
      (await callConsole(browser, '/viewer', { query })).body['viewer'];
    audited = [];
    for (const query of [ada.viewerId, ada.email, ` ${ada.email.toUpperCase()} `, ada.id])
      expect(await found(query)).toBe(ada.viewerId);
    expect(await found('acme:auth0|7')).toBe('external:acme:auth0|7');
    expect(await found('acme:a b@c')).toBe('external:acme:a%20b@c');
    expect(await found('customer:demo.myshopify.com:42')).toBe('customer:demo.myshopify.com:42');
    for (const query of ['', 'nobody@example.com', 'user:1', 'customer:x', 'Acme:1', 'x'.repeat(2_000), 7, null])
      expect([query, (await callConsole(browser, '/viewer', { query })).status]).toEqual([query, 404]);
    expect(audited[0]).toMatchObject({ event: 'console-looked-up', viewer: ada.viewerId, operator: name });
    expect(audited.at(-1)).toMatchObject({ event: 'console-looked-up', viewer: null, reason: 'not-found' });
  });

  it('is refused, and recorded, when their key is over its rate limit', async () => {
    const { browser, name } = await signedIn(server, ['console']);
    audited = [];
    const spend = vi.spyOn(server.app.get(PublishRate), 'spend').mockImplementationOnce(() => {
      throw new TooManyRequestsError(1, undefined, 'key');
    });
    expect((await callConsole(browser, '/viewer', { query: 'x' })).status).toBe(429);
    expect(audited).toMatchObject([{ event: 'api-key-throttled', operator: name, reason: 'limit-of-key' }]);
    spend.mockRestore();
  });

  it('shows connections, sessions and last cursors of a viewer, and no secret', async () => {
    const { browser } = await signedIn(server, ['console']);
    const ada = await server.signedIn();
    const socket = await ada.socket();
    await notify(server, ada.viewerId, ...Array.from({ length: 150 }, (_, index) => `n${index}`));
    const answer = await callConsole(browser, '/viewer', { query: ada.email });
    const history = await server.app
      .get(TopicBus)
      .history(topicOf(NotificationsFeed.topic, ada.viewerId), { limit: 100 });
    expect(answer.body).toEqual({
      viewer: ada.viewerId,
      account: { email: ada.email, createdAt: expect.any(String), disabledAt: null },
      connections: 1,
      since: expect.any(String),
      sessions: [
        {
          id: expect.stringMatching(/^[0-9a-f-]{36}$/),
          createdAt: expect.any(String),
          lastSeenAt: expect.any(String),
          expiresAt: expect.any(String),
          userAgent: 'Sallyport test',
          ip: '127.0.0.1',
        },
      ],
      topics: [
        {
          topic: 'notifications',
          field: 'notifications',
          events: 100,
          isWhole: true,
          cursor: history.events.at(-1)?.cursor,
        },
        { topic: 'user_count', field: 'userCount', events: 0, isWhole: true, cursor: null },
      ],
    });
    const secret = ada.browser.cookies.get('sallyport');
    expect(secret).toMatch(/^[\w-]{43}/);
    expect(answer.text).not.toContain(secret);
    await socket.close();
  });

  it('shows events, disconnects and revokes only with the scopes of the HTTP API', async () => {
    const looking = await signedIn(server, ['console']);
    const ada = await server.signedIn();
    const { id: session } = (await callConsole(looking.browser, '/viewer', { query: ada.id })).body.sessions?.[0] ?? {};
    const attempts = [
      ['/viewer/events', { viewer: ada.viewerId, topic: 'notifications' }, 'history'],
      ['/viewer/disconnect', { viewer: ada.viewerId }, 'disconnect'],
      ['/viewer/revoke-session', { viewer: ada.viewerId, session }, 'disconnect'],
    ] as const;
    for (const [path, body, scope] of attempts) {
      expect(await callConsole(looking.browser, path, body)).toMatchObject({
        status: 403,
        body: { error: { message: `This key lacks the scope ${scope}.` } },
      });
      expect(audited.at(-1)).toMatchObject({ event: 'api-key-refused', reason: 'out-of-scope', name: looking.name });
    }
    expect(await ada.browser.me()).not.toBeNull();
    const { browser, name } = await signedIn(server);
    await notify(server, ada.viewerId, 'one', 'two');
    const events = await callConsole(browser, attempts[0][0], attempts[0][1]);
    expect(events.body['events']).toMatchObject([{ payload: { title: 'two' } }, { payload: { title: 'one' } }]);
    expect(audited.at(-1)).toMatchObject({
      event: 'console-history-read',
      viewer: ada.viewerId,
      topic: 'notifications',
    });
    const other = await server.signedIn();
    const wrong = { viewer: other.viewerId, session };
    expect((await callConsole(browser, '/viewer/revoke-session', wrong)).status).toBe(404);
    const socket = await ada.socket();
    expect((await callConsole(browser, attempts[2][0], attempts[2][1])).status).toBe(200);
    expect((await socket.waitForClose()).code).toBe(4401);
    const ended = audited.find(({ event }) => event === 'session-ended');
    expect(ended).toMatchObject({ viewer: ada.viewerId, by: 'operator', operator: name, session, reason: 'revoked' });
    await ada.browser.login(ada);
    const second = await ada.socket();
    expect((await callConsole(browser, attempts[1][0], attempts[1][1])).status).toBe(200);
    expect((await second.waitForClose()).code).toBe(4401);
    expect(await ada.browser.me()).toBeNull();
    expect(audited.at(-1)).toMatchObject({ event: 'disconnected', by: 'operator', operator: name });
  });

  it('describes each feed by its type, to which the operator may publish', async () => {
    const { browser } = await signedIn(server, ['console', 'publish:notifications']);
    const text = (name: string, required: boolean) => ({ kind: 'scalar', name, required });
    expect((await callConsole(browser, '/feeds')).body).toMatchObject({
      feeds: [
        {
          topic: 'notifications',
          payload: { kind: 'object', type: 'Notification', required: true },
          defaulted: ['id', 'createdAt'],
        },
      ],
      types: {
        Notification: expect.arrayContaining([
          expect.objectContaining({ name: 'title', shape: text('String', true) }),
          expect.objectContaining({ name: 'body', shape: text('String', false) }),
          expect.objectContaining({ name: 'createdAt', shape: text('DateTime', true) }),
        ]),
      },
    });
    const all = await signedIn(server);
    expect((await callConsole(all.browser, '/feeds')).body['feeds']).toMatchObject([
      { topic: 'notifications' },
      { topic: 'user_count', payload: { kind: 'scalar', name: 'Int', required: true }, defaulted: [] },
    ]);
    const none = await signedIn(server, ['console']);
    expect((await callConsole(none.browser, '/feeds')).body).toEqual({ feeds: [], types: {} });
  });

  it('publishes to a socket, with the checks of POST /publish, and names the wrong field', async () => {
    const { browser, name } = await signedIn(server, ['console', 'publish:notifications']);
    const ada = await server.signedIn();
    const socket = await ada.socket();
    socket.subscribe('1', 'subscription { notifications { title } }');
    const event = {
      topic: 'notifications',
      viewer: ada.viewerId,
      payload: { kind: 'note', title: 'From the console' },
    };
    await vi.waitFor(async () => {
      expect(await callConsole(browser, '/publish', event)).toMatchObject({
        status: 200,
        body: { cursor: expect.any(String) },
      });
      expect(socket.inbox.pending).not.toEqual([]);
    }, WAIT);
    expect((await socket.waitForNext('1')).data).toEqual({ notifications: { title: 'From the console' } });
    expect(audited.at(-1)).toMatchObject({
      ...{ event: 'console-published', topic: 'notifications', viewer: ada.viewerId, operator: name },
    });
    const wrong = [
      [{ ...event, payload: { kind: 'x' } }, 400, 'payload.title'],
      [{ ...event, payload: 7 }, 400, 'payload'],
      [{ ...event, payload: undefined }, 400, 'payload'],
      [{ ...event, payload: { ...event.payload, more: 1 } }, 400, 'payload'],
      [{ ...event, viewer: 'nobody' }, 400, 'viewer'],
      [{ ...event, viewer: 'customer:other.myshopify.com:1' }, 400, 'viewer'],
      [{ ...event, key: '' }, 400, 'key'],
      [{ ...event, topic: 'nothing' }, 404, undefined],
      [{ ...event, topic: 'user_count', payload: 1 }, 403, undefined],
    ] as const;
    for (const [body, status, field] of wrong) {
      const answer = await callConsole(browser, '/publish', body);
      expect([body, answer.status, answer.body.error?.field]).toEqual([body, status, field]);
    }
    await socket.close();
  });

  it('lists, makes and revokes keys, and gives no key more than the operator has', async () => {
    const { browser, name: operator } = await signedIn(server, ['console', 'keys', 'publish']);
    const name = `shop-${randomUUID()}`;
    const wanted = { name, scopes: ['publish:notifications'], expiresInDays: 90, addresses: ['127.0.0.0/8'] };
    audited = [];
    const made = await callConsole(browser, '/keys', wanted);
    const key = String(made.body['key']);
    expect(key).toMatch(/^sallyport_key_/);
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const use = () => fetch(`${server.url}/publish`, { method: 'POST', headers, body: '{"events":[]}' });
    expect((await use()).status).toBe(200);
    const listed = await callConsole(browser, '/keys');
    expect(listed.body['keys']).toContainEqual({
      ...{ id: expect.any(String), name, scopes: wanted.scopes, addresses: wanted.addresses },
      ...{ createdAt: expect.any(String), expiresAt: expect.any(String), lastUsedAt: expect.toSatisfy(() => true) },
    });
    expect(listed.text).not.toContain(key);
    const refused = [
      [{ ...wanted, name: '' }, 400, 'name'],
      [{ ...wanted, name: 'a\u0000b' }, 400, 'name'],
      [{ ...wanted, name: 'cut \ud83d' }, 400, 'name'],
      [{ ...wanted, name: 'cli-x' }, 400, 'name'],
      [{ ...wanted, name: 'x\n2026-01-01T00:00:00.000Z  sign-in' }, 400, 'name'],
      [{ ...wanted, name: 'x\0' }, 400, 'name'],
      [wanted, 400, 'name'],
      [{ ...wanted, name: 'x', scopes: [] }, 400, 'scopes'],
      [{ ...wanted, name: 'x', scopes: ['admin'] }, 400, 'scopes'],
      [{ ...wanted, name: 'x', scopes: 'publish' }, 400, 'scopes'],
      [{ ...wanted, name: 'x', scopes: ['console'] }, 400, 'scopes'],
      [{ ...wanted, name: 'x', scopes: ['publish,keys'] }, 400, 'scopes'],
      [{ ...wanted, name: 'x', scopes: ['publish', 'tokens:acme'] }, 403, undefined],
      [{ ...wanted, name: 'x', scopes: ['history'] }, 403, undefined],
      [{ ...wanted, name: 'x', expiresInDays: 0 }, 400, 'expiresInDays'],
      [{ ...wanted, name: 'x', addresses: ['10.0.0.0/33'] }, 400, 'addresses'],
    ] as const;
    for (const [body, status, field] of refused) {
      const answer = await callConsole(browser, '/keys', body);
      expect([body, answer.status, answer.body.error?.field]).toEqual([body, status, field]);
    }
    expect((await callConsole(browser, '/keys/revoke', { name })).status).toBe(200);
    expect((await callConsole(browser, '/keys/revoke', { name })).status).toBe(404);
    expect((await callConsole(browser, '/keys/revoke', { name: 'x\0' })).status).toBe(404);
    expect((await callConsole(browser, '/keys?after=x%00')).status).toBe(400);
    await vi.waitFor(async () => expect((await use()).status).toBe(401), WAIT);
    const changes = audited.filter(({ event }) => /^api-key-(?:created|revoked)$/.test(String(event)));
    expect(changes).toMatchObject([
      { event: 'api-key-created', name, operator, address: '127.0.0.1' },
      { event: 'api-key-revoked', name, operator },
    ]);
    const looking = await signedIn(server, ['console', 'publish']);
    for (const path of ['/keys', '/keys/revoke'])
      expect((await callConsole(looking.browser, path, path === '/keys' ? wanted : { name: operator })).status).toBe(
        403,
      );
    expect((await callConsole(browser, '/keys/revoke', { name: operator })).status).toBe(200);
    expect((await callConsole(browser, '/session')).status).toBe(401);
  });

  it('shows keys a hundred at a time', async () => {
    const { browser } = await signedIn(server);
    const names = Array.from({ length: 101 }, (_, index) => `many-${String(index).padStart(3, '0')}`);
    for (const name of names) await makeKey(server, ['publish'], name);
    const seen: string[] = [];
    let next: unknown = '';
    do {
      const page = await callConsole(browser, `/keys?after=${encodeURIComponent(String(next))}`);
      seen.push(...(page.body['keys'] as { name: string }[]).map(({ name }) => name));
      expect(seen.length).toBeLessThanOrEqual(400);
      next = page.body['next'];
    } while (next !== null);
    expect(seen.filter((name) => name.startsWith('many-'))).toEqual(names);
    expect(new Set(seen).size).toBe(seen.length);
  });

  it('shows the audit log, newest first, by event and viewer, a page at a time', async () => {
    const { browser, name } = await signedIn(server);
    const ada = await server.signedIn();
    const events = async (query: string): Promise<Record<string, unknown>[]> =>
      (await callConsole(browser, `/audit${query}`)).body['events'] as Record<string, unknown>[];
    await vi.waitFor(async () => {
      const found = await events(`?viewer=${encodeURIComponent(ada.viewerId)}`);
      expect(found.map(({ event }) => event)).toEqual(['sign-in', 'registered']);
      const [opened] = await events('?event=console-opened');
      expect(opened).toMatchObject({ event: 'console-opened', details: { operator: name } });
    }, WAIT);
    const first = await callConsole(browser, '/audit');
    const ids = (first.body['events'] as { id: number }[]).map(({ id }) => id);
    expect(ids).toEqual(ids.toSorted((one, other) => other - one));
    expect(ids).toHaveLength(100);
    const second = await events(`?before=${String(first.body['next'])}`);
    expect(Number(second[0]?.['id'])).toBeLessThan(Number(ids.at(-1)));
    for (const query of ['?event=nothing', '?viewer=x', '?before=x', '?before=-1', '?more=1'])
      expect((await callConsole(browser, `/audit${query}`)).status).toBe(400);
  });
});
