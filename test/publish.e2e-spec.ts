import { randomBytes, randomUUID } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Config } from '../src/server/config/config.js';
import { loadConfig } from '../src/server/config/load-config.js';
import { developmentKeyFile } from '../src/identity/api-keys/development-key.js';
import { newApiKey } from '../src/identity/api-keys/api-key.js';
import { ApiKeyStore } from '../src/identity/api-keys/api-key.store.js';
import { ApiKeys } from '../src/identity/api-keys/api-keys.service.js';
import { AuditLog } from '../src/live/logging/audit-log.js';
import { type LiveSocket, openSocket } from '../src/testing/live-socket.js';
import { startServer, type SignedIn, type TestServer } from './kit/server.js';

const NOTIFICATIONS = 'subscription { notifications { id kind title body data createdAt } }';
const notification = { kind: 'order.shipped', title: 'On its way' };

let server: TestServer;
let key: string;
let ada: SignedIn;

beforeAll(async () => {
  server = await startServer({
    env: {
      USER_COUNT_INTERVAL_SECONDS: '3600',
      TRUSTED_PROXIES: '127.0.0.1',
      APP_PROXY_SECRET: randomBytes(32).toString('hex'),
      APP_PROXY_SHOPS: 'demo.myshopify.com',
    },
  });
  key = (await server.app.get(ApiKeys).create('shop')) ?? '';
  ada = await server.signedIn();
});
afterAll(() => server.stop());

async function post(body: unknown, authorization = `Bearer ${key}`): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${server.url}/publish`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: response.status, body: await response.json() };
}

const publish = (...events: unknown[]) => post({ events });

async function subscribed(who: SignedIn, query = NOTIFICATIONS): Promise<LiveSocket> {
  const socket = await openSocket(server.url, { token: await who.browser.token(), resumable: true });
  socket.subscribe('1', query);
  // The feed starts with the events of earlier tests.
  for (let left = (await socket.settled()).length; left > 0; left--) await socket.inbox.take();
  return socket;
}

describe('POST /publish', () => {
  it("delivers only to the viewer, and returns the event's cursor", async () => {
    const [adas, bobs] = [await subscribed(ada), await subscribed(await server.signedIn())];
    const data = { items: [1, null, { a: 'b' }] };
    const answer = await publish({ topic: 'notifications', viewer: ada.viewerId, payload: { ...notification, data } });
    const next = await adas.waitForNext('1');
    expect(next.data).toEqual({
      notifications: {
        ...notification,
        data,
        body: null,
        id: expect.any(String),
        createdAt: expect.stringMatching(/^\d{4}-.*Z$/),
      },
    });
    expect(answer).toEqual({ status: 200, body: { results: [{ cursor: next.extensions?.['cursor'] }] } });
    expect(await bobs.settled()).toEqual([]);
    await Promise.all([adas.close(), bobs.close()]);
  });

  it('checks each event on its own, in order, and publishes the valid ones', async () => {
    const socket = await subscribed(ada);
    const good = { topic: 'notifications', viewer: ada.viewerId, payload: { ...notification, id: 'good' } };
    const { status, body } = await publish(
      { ...good, topic: 'nonsense' },
      good,
      { ...good, viewer: 'user:*' },
      { ...good, payload: { kind: 'x' } },
      { ...good, topic: 'user_count', payload: 1.5 },
      { ...good, topic: 'user_count', payload: 7 },
      7,
      null,
    );
    expect(status).toBe(200);
    expect(body).toEqual({
      results: [
        { error: { code: 'NOT_FOUND', message: 'topic must be one of notifications, user_count.' } },
        { cursor: expect.any(String) },
        { error: { code: 'BAD_USER_INPUT', message: expect.stringContaining('viewer') } },
        { error: { code: 'BAD_USER_INPUT', message: expect.stringContaining('title') } },
        { error: { code: 'BAD_USER_INPUT', message: expect.stringContaining('Int') } },
        { cursor: expect.any(String) },
        { error: { code: 'BAD_USER_INPUT', message: expect.stringContaining('event') } },
        { error: { code: 'BAD_USER_INPUT', message: expect.stringContaining('event') } },
      ],
    });
    await socket.waitForNext('1');
    expect(await socket.settled()).toEqual([]);
    await socket.close();
  });

  it('accepts every Int of GraphQL, and no other number', async () => {
    const of = (payload: number) => publish({ topic: 'user_count', viewer: ada.viewerId, payload });
    for (const payload of [-2_147_483_648, 2_147_483_647])
      expect(JSON.stringify(await of(payload))).toContain('cursor');
    for (const payload of [-2_147_483_649, 2_147_483_648])
      expect(JSON.stringify(await of(payload))).toContain('BAD_USER_INPUT');
  });

  it('delivers nothing twice with one key, and refuses the key for another payload', async () => {
    const socket = await subscribed(ada);
    const event = { topic: 'notifications', viewer: ada.viewerId, payload: notification, key: randomUUID() };
    const [first, second] = [await publish(event), await publish(event)];
    expect(second).toEqual(first);
    const other = await publish({ ...event, payload: { ...notification, title: 'Another' } });
    expect(other.body).toMatchObject({ results: [{ error: { code: 'BAD_USER_INPUT' } }] });
    await socket.waitForNext('1');
    expect(await socket.settled()).toEqual([]);
    await socket.close();
  });

  it.each([
    ['with a line break', 'user:1\n2'],
    ['with a wildcard', 'user:*'],
    ['with one more colon', `user:${randomUUID()}:x`],
    ['in capitals', `USER:${randomUUID().toUpperCase()}`],
    ['of another kind', `admin:${randomUUID()}`],
    ['of a customer without a shop', 'customer::7'],
    ['of 10 kB', `user:${'a'.repeat(10_240)}`],
    ['that is a number', 42],
    ['that is missing', undefined],
  ])('refuses a viewer id %s', async (_, viewer) => {
    const { status, body } = await publish({ topic: 'user_count', viewer, payload: 1 });
    expect(status).toBe(200);
    expect(body).toEqual({
      results: [{ error: { code: 'BAD_USER_INPUT', message: expect.stringMatching(/^viewer/) } }],
    });
  });

  it.each([
    ['an empty key', { key: '' }],
    ['a key that is too long', { key: 'k'.repeat(201) }],
    ['a key that is no text', { key: 7 }],
    ['a key with half of a surrogate pair', { key: 'cut \ud83d' }],
    ['an unknown field', { idempotencyKey: 'k' }],
    ['a payload over 64 KiB', { payload: { ...notification, data: 'x'.repeat(65_536) } }],
    ['a payload nested too deeply', { payload: { ...notification, data: nested(1_000) } }],
    ['no payload', { payload: undefined }],
  ])('refuses an event with %s', async (_, wrong) => {
    const event = { topic: 'notifications', viewer: ada.viewerId, payload: notification, ...wrong };
    expect((await publish(event)).body).toEqual({
      results: [{ error: { code: 'BAD_USER_INPUT', message: expect.any(String) } }],
    });
  });

  it.each([
    ['is no JSON', '{', 400],
    ['is empty', '', 400],
    ['is a list', [], 400],
    ['has no events', {}, 400],
    ['has events that are no list', { events: {} }, 400],
    ['has another field besides events', { events: [], key: 'once' }, 400],
    ['has 1,001 events', { events: Array.from({ length: 1_001 }, () => ({})) }, 400],
    ['is larger than 1 MiB', { events: [{ payload: 'x'.repeat(1_048_576) }] }, 413],
  ])('refuses a body that %s', async (_, body, status) => {
    const answer = await post(body);
    expect(answer).toMatchObject({ status, body: { error: { code: 'BAD_USER_INPUT' } } });
  });

  it.each([
    ['charset', { 'content-type': 'application/json; charset=iso-8859-1' }],
    ['charset, in quotes,', { 'content-type': 'application/json; charset="utf-16"' }],
    ['content coding', { 'content-encoding': 'gzip' }],
  ])('answers 415 to a body in another %s', async (_, headers) => {
    const all = { 'content-type': 'application/json', authorization: `Bearer ${key}`, ...headers };
    const response = await fetch(`${server.url}/publish`, { method: 'POST', headers: all, body: '{"events":[]}' });
    expect(response.status).toBe(415);
  });

  it('accepts a body whose charset is UTF-8 in quotes', async () => {
    const headers = { 'content-type': 'application/json; charset="utf-8"', authorization: `Bearer ${key}` };
    const response = await fetch(`${server.url}/publish`, { method: 'POST', headers, body: '{"events":[]}' });
    expect(response.status).toBe(200);
  });

  it('refuses a payload with a key __proto__, and publishes the others of its request', async () => {
    const payload = (data: string): string => `{ "kind": "order.shipped", "title": "On its way", "data": ${data} }`;
    const event = (data: string): string =>
      `{ "topic": "notifications", "viewer": "${ada.viewerId}", "payload": ${payload(data)} }`;
    const [bad, good] = [event('{ "list": [{ "__proto__": { "admin": true } }] }'), event('{}')];
    expect((await post(`{ "events": [${bad}, ${good}] }`)).body).toEqual({
      results: [
        { error: { code: 'BAD_USER_INPUT', message: expect.stringContaining('__proto__') } },
        { cursor: expect.any(String) },
      ],
    });
  });

  it('accepts a thousand events at once', async () => {
    const events = Array.from({ length: 1_000 }, (_, index) => ({
      topic: 'user_count',
      viewer: `customer:demo.myshopify.com:${index + 1}`,
      payload: index,
    }));
    const { body } = await post({ events });
    expect((body as { results: unknown[] }).results).toEqual(events.map(() => ({ cursor: expect.any(String) })));
  });
});

describe('an API key', () => {
  const event = () => ({ topic: 'notifications', viewer: ada.viewerId, payload: notification });

  it.each([
    ['is missing', ''],
    ['is of another scheme', 'Basic abc'],
    ['is empty', 'Bearer '],
    ['was never made', `Bearer ${newApiKey()}`],
    ['is no key at all', 'Bearer 1234'],
    ['is 10 kB', `Bearer ${'x'.repeat(10_240)}`],
  ])('that %s is refused, and nothing is published', async (_, authorization) => {
    const socket = await subscribed(ada);
    expect(await post({ events: [event()] }, authorization)).toMatchObject({
      status: 401,
      body: { error: { code: 'UNAUTHENTICATED' } },
    });
    expect(await socket.settled()).toEqual([]);
    await socket.close();
  });

  it('that is revoked stops working within two seconds', async () => {
    const keys = server.app.get(ApiKeys);
    const revoked = (await keys.create('to be revoked')) ?? '';
    const status = async () => (await post({ events: [] }, `Bearer ${revoked}`)).status;
    expect(await status()).toBe(200);
    expect(await keys.revoke('to be revoked')).toBe(true);
    await vi.waitFor(async () => expect(await status()).toBe(401), { timeout: 2_000 });
  });

  it('has its own idempotency keys, which do not affect those of another', async () => {
    const other = `Bearer ${(await server.app.get(ApiKeys).create('another backend')) ?? ''}`;
    const socket = await subscribed(ada);
    const mine = { ...event(), key: randomUUID() };
    const theirs = { ...mine, payload: { ...notification, title: 'Theirs' } };
    const [first, second] = [await post({ events: [mine] }), await post({ events: [theirs] }, other)];
    expect([first.body, second.body]).toEqual([
      { results: [{ cursor: expect.any(String) }] },
      { results: [{ cursor: expect.any(String) }] },
    ]);
    expect(second.body).not.toEqual(first.body);
    expect(await post({ events: [mine] })).toEqual(first);
    expect(await post({ events: [theirs] }, other)).toEqual(second);
    await socket.close();
  });

  it('cannot publish to a customer of a shop that is not configured', async () => {
    const to = (viewer: string) => ({ topic: 'user_count', viewer, payload: 1 });
    const answer = await publish(to('customer:demo.myshopify.com:7'), to('customer:other.myshopify.com:7'));
    expect(answer.body).toEqual({
      results: [
        { cursor: expect.any(String) },
        { error: { code: 'BAD_USER_INPUT', message: expect.stringContaining('APP_PROXY_SHOPS') } },
      ],
    });
  });

  it('is refused from an address with twenty wrong keys, unless it was recently valid', async () => {
    const tries = (authorization: string, address: string, count: number) =>
      Promise.all(
        Array.from({ length: count }, async () => {
          const headers = { 'content-type': 'application/json', 'x-forwarded-for': address, authorization };
          return (await fetch(`${server.url}/publish`, { method: 'POST', headers, body: '{"events":[]}' })).status;
        }),
      );
    const right = `Bearer ${key}`;
    expect(await tries(right, '192.0.2.90', 1)).toEqual([200]);
    const statuses = await tries(`Bearer ${newApiKey()}`, '192.0.2.91', 60);
    expect(statuses.filter((status) => status === 401)).toHaveLength(20);
    expect(statuses.filter((status) => status === 429)).toHaveLength(40);
    expect(await tries(right, '192.0.2.91', 1)).toEqual([200]);
    expect(await tries(`Bearer ${newApiKey()}`, '192.0.2.92', 1)).toEqual([401]);
  });

  it('is stored as a hash, has a unique name and a recognisable prefix', async () => {
    const keys = server.app.get(ApiKeys);
    expect(await keys.create('shop')).toBeNull();
    expect(key).toMatch(/^sallyport_key_[A-Za-z0-9_-]{43}[0-9a-z]{7}$/);
    expect(JSON.stringify(await keys.list())).not.toContain(key.slice(20));
  });

  it('is created for development at the first start, in a file that only its owner can read', async () => {
    const file = developmentKeyFile(server.env['DATA_DIR'] ?? '');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect((await post({ events: [] }, `Bearer ${readFileSync(file, 'utf8')}`)).status).toBe(200);
  });

  it('for development is refused in production, even if it is in the database', async () => {
    const development = readFileSync(developmentKeyFile(server.env['DATA_DIR'] ?? ''), 'utf8');
    const random = () => randomBytes(32).toString('base64url');
    const { http } = configuration({ NODE_ENV: 'production', SECRET_KEYS: random(), APP_PROXY_SECRET: random() });
    const inProduction = new ApiKeys(server.app.get(ApiKeyStore), server.app.get(AuditLog), http);
    expect(await inProduction.verify(development, '127.0.0.1')).toMatchObject({ ok: false });
    expect(await inProduction.verify(key, '127.0.0.1')).toMatchObject({ ok: true, key: { name: 'shop' } });
  });
});

function configuration(env: Record<string, string>): Config {
  const outcome = loadConfig({ ...server.env, ...env });
  if (!outcome.ok) throw new Error(outcome.faults.join('\n'));
  return outcome.config;
}

function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = [value];
  return value;
}
