import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Registry } from 'prom-client';
import { NotificationsFeed } from '../src/feeds/notifications/notifications.feed.js';
import { TopicBus } from '../src/live/topics/topic.bus.js';
import { topicOf } from '../src/live/topics/topic.js';
import { sql } from 'drizzle-orm';
import { Database } from '../src/identity/database/database.js';
import { ADDRESS_LIMITS } from '../src/live/rate-limit/address.rate-limit.js';
import { FAILURE_LIMITS } from '../src/live/rate-limit/failure.rate-limit.js';
import { LIMIT_NAMES } from '../src/live/rate-limit/rate-limit.metrics.js';
import { VIEWER_LIMITS } from '../src/live/rate-limit/viewer.rate-limit.js';
import { RateLimiters } from '../src/live/rate-limit/rate-limiters.js';
import { openSocket } from '../src/testing/live-socket.js';
import { metric } from './kit/metric.js';
import { notify } from './kit/publish.js';
import { type SignedIn, startServer, type TestServer } from './kit/server.js';
import { needs } from './kit/needs.js';
import { SHARED_STORES, startTwoNodes, type TwoNodes } from './kit/two-nodes.js';

const QUIET = { USER_COUNT_INTERVAL_SECONDS: '3600', THROTTLE_EXEMPT: '127.0.0.1' };
const NOTIFICATIONS = 'subscription { notifications { title } }';
const WAIT = { timeout: 15_000, interval: 25 };

describe('the metrics of sockets', () => {
  let server: TestServer;
  let ada: SignedIn;
  beforeAll(async () => {
    server = await startServer({ env: { STORE: 'memory', ...QUIET } });
    ada = await server.signedIn('ada');
  });
  afterAll(() => server.stop());

  const value = (name: string, labels?: Record<string, string>) => metric(server, name, labels);
  const open = (labels: Record<string, string>) => value('sallyport_subscriptions', labels);

  it('count open subscriptions by feed and by the authenticator of the socket, until they end in any way', async () => {
    const here = { feed: 'notifications', authenticator: 'account' };
    const socket = await ada.socket();
    expect(await value('sallyport_viewer_sockets', { kind: 'user', authenticator: 'account' })).toBe(1);
    socket.subscribe('1', NOTIFICATIONS);
    socket.subscribe('2', 'subscription { userCount }');
    socket.subscribe('3', NOTIFICATIONS);
    await socket.settled();
    expect(await open(here)).toBe(2);
    expect(await open({ feed: 'user_count' })).toBe(1);
    socket.send({ type: 'complete', id: '1' });
    await socket.settled();
    expect(await open(here)).toBe(1);
    await socket.close();
    await vi.waitFor(async () => expect(await open({})).toBe(0), WAIT);
    expect(await value('sallyport_viewer_sockets')).toBe(0);
  });

  it('count resumes by feed, and whether every missed event was there', async () => {
    const resumes = (outcome: string) => value('sallyport_resumes_total', { feed: 'notifications', outcome });
    expect(await resumes('recovered')).toBe(0);
    const first = await openSocket(server.url, { token: await ada.browser.token(), resumable: true });
    first.subscribe('1', NOTIFICATIONS);
    await first.settled();
    await notify(server, ada.viewerId, 'one');
    const { extensions } = await first.waitForNext('1');
    await first.close();
    expect([await resumes('recovered'), await resumes('not-recovered')]).toEqual([0, 0]);
    for (const resume of [extensions?.['cursor'], 'nonsense']) {
      const next = await openSocket(server.url, { token: await ada.browser.token(), resumable: true });
      next.subscribe('1', NOTIFICATIONS, { extensions: { resume } });
      await next.settled();
      await next.close();
    }
    expect([await resumes('recovered'), await resumes('not-recovered')]).toEqual([1, 1]);
    expect(await resumes('failed')).toBe(0);
  });

  it('count no resume for a cursor that is null: the subscriber gets what is in history', async () => {
    await notify(server, ada.viewerId, 'kept');
    const refused = () => value('sallyport_resumes_total', { feed: 'notifications', outcome: 'not-recovered' });
    const before = await refused();
    const socket = await openSocket(server.url, { token: await ada.browser.token(), resumable: true });
    socket.subscribe('1', NOTIFICATIONS, { extensions: { resume: null } });
    const { extensions } = await socket.waitForNext('1');
    expect(extensions).toEqual({ cursor: expect.any(String) });
    expect(await refused()).toBe(before);
    await socket.close();
  });

  it('add up what sockets are owed that do not read', async () => {
    expect(await value('sallyport_backlog_bytes')).toBe(0);
    const socket = await ada.socket();
    socket.subscribe('1', 'subscription { notifications { body } }');
    await socket.settled();
    socket.ws.pause();
    const topic = topicOf(NotificationsFeed.topic, ada.viewerId);
    const payload = {
      id: '1',
      kind: 'test',
      title: '',
      body: 'x'.repeat(60_000),
      createdAt: '2026-01-01T00:00:00.000Z',
    };
    await vi.waitFor(async () => {
      await server.app.get(TopicBus).publish([{ topic, payload }]);
      expect(await value('sallyport_backlog_bytes')).toBeGreaterThan(60_000);
    }, WAIT);
    socket.ws.terminate();
    await vi.waitFor(async () => expect(await value('sallyport_backlog_bytes')).toBe(0), WAIT);
  });

  it('say how long operations take, by kind and root field, and never by a name that clients choose', async () => {
    const count = (labels: Record<string, string>) =>
      value('sallyport_graphql_operation_duration_seconds_count', labels);
    const before = await count({ kind: 'query', field: 'me', outcome: 'ok' });
    await ada.browser.gql('query ChosenByMe { one: me { id } two: me { id } }');
    expect(await count({ kind: 'query', field: 'me', outcome: 'ok' })).toBe(before + 1);
    await ada.browser.gql('{ ...a } fragment a on Query { me { id } __typename }');
    expect(await count({ field: 'several' })).toBe(1);
    await ada.browser.gql('{ chosenByMe }').catch(() => null);
    await ada.browser.gql('{').catch(() => null);
    expect(await count({ kind: 'query', field: 'none', outcome: 'refused' })).toBe(1);
    expect(await count({ kind: 'none', field: 'none', outcome: 'refused' })).toBe(1);
    expect(await count({ kind: 'mutation', field: 'register', outcome: 'ok' })).toBe(1);
    const socket = await ada.socket();
    const subscriptions = await count({ kind: 'subscription', field: 'notifications', outcome: 'ok' });
    socket.subscribe('1', `subscription ChosenByMe { notifications { title } }`);
    socket.subscribe('2', 'subscription { chosenByMe }');
    await socket.waitForMessage('error', '2');
    await socket.settled();
    expect(await count({ kind: 'subscription', field: 'notifications', outcome: 'ok' })).toBe(subscriptions + 1);
    expect(await count({ kind: 'subscription', field: 'none', outcome: 'refused' })).toBe(1);
    await socket.close();
    expect(await server.app.get(Registry).metrics()).not.toMatch(/chosenByMe/i);
  });

  it('say how soon sockets close after their session has ended', async () => {
    const closes = () => value('sallyport_revocation_close_seconds_count', { node: 'own' });
    const before = await closes();
    const eve = await server.signedIn('eve');
    const socket = await eve.socket();
    await eve.browser.logout();
    await socket.waitForClose();
    expect(await closes()).toBe(before + 1);
  });
});

describe('the metrics of limits', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer({
      env: { STORE: 'memory', USER_COUNT_INTERVAL_SECONDS: '3600', MAX_CONNECTIONS_PER_VIEWER: '1' },
    });
  });
  afterAll(() => server.stop());

  const refused = (limit: string) => metric(server, 'sallyport_rate_limited_total', { limit });

  it('say which limit refused: wrong passwords of an account, and failures of an address', async () => {
    const { email } = await server.signedIn('ada');
    const [guesses, failures] = [await refused('guesses'), await refused('failedLogin')];
    const guess = (target: string) =>
      server
        .browser()
        .login({ email: target, password: 'not the password 1' })
        .catch(() => null);
    for (let wrong = 0; wrong < 6; wrong++) await guess(email);
    expect(await refused('guesses')).toBeGreaterThan(guesses);
    for (let wrong = 0; wrong < 12; wrong++) await guess(`nobody-${wrong}@example.com`);
    expect(await refused('failedLogin')).toBeGreaterThan(failures);
  });

  it('say that a viewer has too many sockets', async () => {
    const ada = await server.signedIn('ada');
    const first = await ada.socket();
    await ada.socket().catch(() => null);
    expect(await refused('connectionsOfViewer')).toBe(1);
    await first.close();
  });

  it('say that a viewer has sent too many new documents', async () => {
    const { DocumentBudget } = await import('../src/live/gateway/execution/document-budget.js');
    const ada = await server.signedIn('ada');
    server.app.get(DocumentBudget, { strict: false }).charge({ viewer: ada.viewerId }, 10);
    for (let more = 0; more < 100 && (await refused('documents')) === 0; more++) {
      for (let charge = 0; charge < 100; charge++)
        server.app.get(DocumentBudget, { strict: false }).charge({ viewer: ada.viewerId }, 10);
      await ada.browser.gql(`query Q${more} { me { id } }`).catch(() => null);
    }
    expect(await refused('documents')).toBeGreaterThan(0);
    expect(await refused('documentsOfNode')).toBe(0);
  });
});

it('every limit of docs/operations.md is a label of the metric', () => {
  const names = new Set<string>(LIMIT_NAMES);
  for (const limits of [ADDRESS_LIMITS, FAILURE_LIMITS, VIEWER_LIMITS])
    for (const name of Object.keys(limits)) expect(names).toContain(name);
});

needs('redis', 'postgres').each(SHARED_STORES)('with two nodes on %s', (kind) => {
  let pair: TwoNodes;
  beforeAll(async () => void (pair = await startTwoNodes(QUIET, kind)));
  afterAll(() => pair.stop());

  it('metrics say how soon sockets close on another node than the one that ended the session', async () => {
    const [here, there] = pair.nodes;
    const ada = await here.signedIn('ada');
    const socket = await openSocket(there.url, { token: await ada.browser.token() });
    await ada.browser.logout();
    await socket.waitForClose();
    const seconds = (part: string) => metric(there, `sallyport_revocation_close_seconds_${part}`, { node: 'other' });
    expect(await seconds('count')).toBe(1);
    // Measured with the store's clock, from the time in the message.
    expect(await seconds('sum')).toBeGreaterThanOrEqual(0);
    expect(await seconds('sum')).toBeLessThan(15);
  });

  it('metrics say how long commands take, by what they are for, and how connections are used', async () => {
    const [here] = pair.nodes;
    const commands = (operation: string, store: string = kind) =>
      metric(here, 'sallyport_store_command_duration_seconds_count', { store, operation });
    const connections = (use: string, store: string = kind) =>
      metric(here, 'sallyport_store_connections', { store, use });
    const ada = await here.signedIn('bea');
    const before = await Promise.all(['publish', 'read', 'revocation'].map((operation) => commands(operation)));
    const socket = await ada.socket();
    socket.subscribe('1', NOTIFICATIONS);
    await socket.settled();
    await notify(here, ada.viewerId, 'one');
    await socket.waitForNext('1');
    await ada.browser.logout();
    const after = await Promise.all(['publish', 'read', 'revocation'].map((operation) => commands(operation)));
    after.forEach((count, index) => expect(count).toBeGreaterThan(before[index]!));
    for (const operation of ['query', 'transaction'])
      expect([operation, await commands(operation, 'database')]).not.toEqual([operation, 0]);
    await vi.waitFor(async () => expect(await commands('presence')).toBeGreaterThan(0), WAIT);
    const limiter = here.app.get(RateLimiters, { strict: false }).make({ name: 'test', points: 1, seconds: 60 });
    await limiter.consume(ada.viewerId);
    expect(await commands('limit')).toBeGreaterThan(0);
    const pools = kind === 'redis' ? ['database'] : ['database', 'postgres'];
    for (const store of pools) {
      expect((await connections('busy', store)) + (await connections('idle', store))).toBeGreaterThan(0);
      expect(await metric(here, 'sallyport_store_connections_max', { store })).toBeGreaterThan(1);
      expect(await metric(here, 'sallyport_store_waiting', { store })).toBe(0);
    }
    if (kind === 'redis') expect([await connections('commands'), await connections('subscriptions')]).toEqual([1, 1]);
    else expect(await connections('log')).toBe(1);
  });

  it('metrics show queries that wait because all connections of the pool are busy', async () => {
    const [here] = pair.nodes;
    const database = here.app.get(Database, { strict: false });
    const max = await metric(here, 'sallyport_store_connections_max', { store: 'database' });
    const queries = Array.from({ length: max + 3 }, () => database.run((orm) => orm.execute(sql`select pg_sleep(2)`)));
    const held = Promise.allSettled(queries);
    await vi.waitFor(async () => {
      expect(await metric(here, 'sallyport_store_waiting', { store: 'database' })).toBeGreaterThanOrEqual(3);
      expect(await metric(here, 'sallyport_store_connections', { store: 'database', use: 'busy' })).toBe(max);
    }, WAIT);
    await held;
  });
});
