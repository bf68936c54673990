import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { eq, isNotNull, type SQL, sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Database } from '../src/identity/database/database.js';
import { announcedViewers, webhookMessages } from '../src/identity/database/schema.js';
import { Presence } from '../src/live/presence/presence.js';
import type { ViewerId } from '../src/live/viewer/viewer.js';
import type { Stores } from '../src/server/cli/command.js';
import { runCommand } from '../src/server/cli/program.js';
import { AnnouncedViewers } from '../src/server/webhooks/announced-viewers.store.js';
import { WebhookMessages } from '../src/server/webhooks/webhook-message.store.js';
import { openSocket } from '../src/testing/live-socket.js';
import { Browser } from './kit/browser.js';
import { needs } from './kit/needs.js';
import { createDatabase, type TestDatabase } from './kit/postgres-database.js';
import { RedisServer } from './kit/redis-server.js';
import { type ServerProcess, startServerProcess } from './kit/server-process.js';
import { startServer, type TestServer } from './kit/server.js';
import { temporaryFolder } from './kit/temporary-folder.js';
import { SHARED_STORES, startTwoNodes, type TwoNodes } from './kit/two-nodes.js';
import { WebhookReceiver } from './kit/webhook-receiver.js';

const QUIET = { USER_COUNT_INTERVAL_SECONDS: '3600', THROTTLE_EXEMPT: '127.0.0.1' };
/** Ten seconds of absence, plus time for a busy machine. */
const OFFLINE = { timeout: 45_000, interval: 100 };
const WAIT = { timeout: 20_000, interval: 50 };
const newViewer = (): ViewerId => `external:acme:${randomUUID()}`;

/** Waits until what was announced so far has been sent: a viewer who comes now is announced after it. */
async function untilSent(presence: Presence, receiver: WebhookReceiver): Promise<void> {
  const marker = newViewer();
  presence.enter(marker);
  await vi.waitFor(() => expect(receiver.typesOf(marker)).toEqual(['viewer.online']), OFFLINE);
}

/** Runs a CLI command inside a server, as the CLI does while the server has the embedded database open. */
async function cli(server: TestServer, ...args: string[]): Promise<string> {
  let printed = '';
  const print = (text: string): void => void (printed += text);
  const stores: Stores = { get: (token: never) => server.app.get(token, { strict: false }) };
  await runCommand(
    ['--json', ...args],
    {
      withStores: (action) => action(stores, { nodesUnreachable: false }),
      ask: async () => '',
      signal: new AbortController().signal,
    },
    { out: print, error: print },
  );
  return printed;
}

describe.concurrent('webhooks of one node', () => {
  let receiver: WebhookReceiver;
  let server: TestServer;
  beforeAll(async () => {
    receiver = await WebhookReceiver.start();
    server = await startServer({ env: { ...QUIET, ...receiver.env } });
  });
  afterAll(async () => {
    await server.stop();
    await receiver.stop();
  });

  const untilTypes = (viewer: string, types: readonly string[]): Promise<void> =>
    vi.waitFor(() => expect(receiver.typesOf(viewer)).toEqual(types), OFFLINE);

  it('tell once that a viewer is online, and once that the last socket has been closed for a while', async () => {
    const ada = await server.signedIn('ada');
    const sockets = [await ada.socket(), await ada.socket()];
    await untilTypes(ada.viewerId, ['viewer.online']);
    await sockets[0]?.close();
    await sockets[1]?.close();
    await untilTypes(ada.viewerId, ['viewer.online', 'viewer.offline']);
    const again = await ada.socket();
    await untilTypes(ada.viewerId, ['viewer.online', 'viewer.offline', 'viewer.online']);
    await again.close();
    expect(receiver.invalid).toBe(0);
  });

  it('are sent again with the same id until they are accepted, in the order of what happened', async () => {
    const viewer = newViewer();
    const presence = server.app.get(Presence);
    receiver.answer(viewer, () => (receiver.typesOf(viewer).length < 1 ? 500 : 204));
    const leave = presence.enter(viewer);
    await vi.waitFor(() => expect(receiver.typesOf(viewer)).toHaveLength(1), WAIT);
    leave();
    await untilTypes(viewer, ['viewer.online', 'viewer.online', 'viewer.offline']);
    const [first, second, third] = receiver.all.filter((one) => one.viewer === viewer);
    expect(first?.id).toMatch(/^msg_[0-9a-f-]{36}$/);
    expect(second?.id).toBe(first?.id);
    expect(third?.id).not.toBe(first?.id);
  });

  it('that are redirected are not delivered, and nothing is sent to where they are redirected', async () => {
    const viewer = newViewer();
    receiver.answer(viewer, () => (receiver.typesOf(viewer).length < 1 ? 307 : 204));
    const leave = server.app.get(Presence).enter(viewer);
    await untilTypes(viewer, ['viewer.online', 'viewer.online']);
    const paths = receiver.all.filter((one) => one.viewer === viewer).map(({ path }) => path);
    expect(paths).toEqual(['/hooks', '/hooks']);
    leave();
  });

  it('are kept for operators after the last attempt, and no longer hold up what follows', async () => {
    const viewer = newViewer();
    const database = server.app.get(Database);
    receiver.answer(viewer, ({ type }) => (type === 'viewer.online' ? 410 : 204));
    const leave = server.app.get(Presence).enter(viewer);
    await vi.waitFor(() => expect(receiver.typesOf(viewer)).toEqual(['viewer.online']), WAIT);
    // Simulates seven failed attempts over hours.
    await vi.waitFor(async () => {
      const failed = sql`${webhookMessages.viewer} = ${viewer} and ${webhookMessages.failure} is not null`;
      const set = { attempts: 7, nextAttemptAt: new Date() };
      const changed = await database.run((orm) => orm.update(webhookMessages).set(set).where(failed).returning());
      expect(changed).toHaveLength(1);
    }, WAIT);
    await vi.waitFor(async () => {
      const ofViewer = sql`${webhookMessages.viewer} = ${viewer}`;
      const rows = await database.run((orm) => orm.select().from(webhookMessages).where(ofViewer));
      expect(rows).toMatchObject([{ type: 'viewer.online', failure: 'status 410', failedAt: expect.any(Date) }]);
    }, WAIT);
    leave();
    await untilTypes(viewer, ['viewer.online', 'viewer.online', 'viewer.offline']);
    const messages = server.app.get(WebhookMessages, { strict: false });
    const [dead] = await messages.givenUp(10);
    expect(dead).toMatchObject({ viewer, type: 'viewer.online', failure: 'status 410' });
    receiver.answer(viewer, () => 204);
    expect(await cli(server, 'webhook', 'list')).toContain(dead?.id);
    expect(await cli(server, 'webhook', 'retry', randomUUID())).toContain('Only 0 of these were given up');
    expect(await cli(server, 'webhook', 'retry', dead?.id ?? '')).toBe('{"retried":1}\n');
    await untilTypes(viewer, ['viewer.online', 'viewer.online', 'viewer.offline', 'viewer.online']);
    expect(await messages.givenUp(10)).toEqual([]);
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    expect(metrics).toMatch(/sallyport_webhooks_total\{outcome="given-up"\} 1\b/);
    expect(metrics).toMatch(/^sallyport_webhooks_waiting \d/m);
  });

  it('tell that a viewer has left, although everyone is compared at the same time', async () => {
    const viewer = newViewer();
    const leave = server.app.get(Presence).enter(viewer);
    await untilTypes(viewer, ['viewer.online']);
    leave();
    const database = server.app.get(Database);
    const row = eq(announcedViewers.viewer, viewer);
    const leftAt = (): Promise<unknown> =>
      database.run(async (orm) => (await orm.select().from(announcedViewers).where(row))[0]?.leftAt);
    await vi.waitFor(async () => expect(await leftAt()).toBeInstanceOf(Date), WAIT);
    await server.app.get(AnnouncedViewers).found([viewer]);
    expect(await leftAt()).toBeInstanceOf(Date);
    await untilTypes(viewer, ['viewer.online', 'viewer.offline']);
  });

  it('tell nothing of 10,000 viewers who come back within ten seconds', async () => {
    const viewers = Array.from({ length: 10_000 }, newViewer);
    const database = server.app.get(Database);
    const presence = server.app.get(Presence);
    for (let at = 0; at < viewers.length; at += 1_000) {
      const rows = viewers.slice(at, at + 1_000).map((viewer) => ({ viewer }));
      await database.run((orm) => orm.insert(announcedViewers).values(rows));
    }
    const all = new Set<string>(viewers);
    const untilGone = (count: number): Promise<void> =>
      vi.waitFor(async () => {
        const rows = await database.run((orm) =>
          orm.select().from(announcedViewers).where(isNotNull(announcedViewers.leftAt)),
        );
        expect(rows.filter(({ viewer }) => all.has(viewer))).toHaveLength(count);
      }, WAIT);
    for (const leave of viewers.map((viewer) => presence.enter(viewer))) leave();
    await untilGone(viewers.length);
    for (const viewer of viewers) presence.enter(viewer);
    await untilGone(0);
    await untilSent(presence, receiver);
    expect(receiver.all.filter(({ viewer }) => all.has(viewer))).toEqual([]);
  });

  it('that were not delivered before a restart are delivered after it, and so is who did not come back', async () => {
    const folder = temporaryFolder('webhooks');
    const env = { ...QUIET, ...receiver.env, DATA_DIR: folder.path };
    const first = await startServer({ env });
    const viewer = newViewer();
    first.app.get(Presence).enter(viewer);
    const before = newViewer();
    receiver.answer(before, () => (receiver.typesOf(before).length < 1 ? null : 204));
    first.app.get(Presence).enter(before);
    await untilTypes(viewer, ['viewer.online']);
    await untilTypes(before, ['viewer.online']);
    await first.stop();
    const second = await startServer({ env });
    // The first server was still waiting for the answer: the message is sent again at once, with the same id.
    await vi.waitFor(() => expect(receiver.typesOf(before)).toEqual(['viewer.online', 'viewer.online']), WAIT);
    expect(new Set(receiver.idsOf(before)).size).toBe(1);
    // That server may also have stopped before it noted that this one had arrived.
    await vi.waitFor(() => expect(receiver.typesOf(viewer)).toContain('viewer.offline'), OFFLINE);
    expect(new Set(receiver.idsOf(viewer)).size).toBe(2);
    await second.stop();
    folder.remove();
  });
});

needs('redis', 'postgres').concurrent.each(SHARED_STORES)('webhooks of two nodes with %s', (kind) => {
  let receiver: WebhookReceiver;
  let pair: TwoNodes;
  beforeAll(async () => {
    receiver = await WebhookReceiver.start();
    pair = await startTwoNodes({ ...QUIET, ...receiver.env }, kind);
  });
  afterAll(async () => {
    await pair.stop();
    await receiver.stop();
  });

  it('are sent once for each of a hundred viewers who are on both, or move from one to the other', async () => {
    const viewers = Array.from({ length: 100 }, newViewer);
    const [here, there] = pair.nodes.map(({ app }) => app.get(Presence)) as [Presence, Presence];
    const onBoth = viewers.flatMap((viewer) => [here.enter(viewer), there.enter(viewer)]);
    // As a receiver does: what is sent again, since its answer was lost, has the same id.
    const distinct = () => [...new Map(receiver.all.map((one) => [one.id, one])).values()];
    const untilAll = (count: number): Promise<void> =>
      vi.waitFor(() => expect(distinct().length).toBeGreaterThanOrEqual(count), OFFLINE);
    await untilAll(100);
    for (const [index, leave] of onBoth.entries()) if (index % 2 === 0) leave();
    const moved = viewers.slice(0, 50).map((viewer) => here.enter(viewer));
    for (const leave of onBoth) leave();
    await untilAll(150);
    for (const leave of moved) leave();
    await untilAll(200);
    await untilSent(here, receiver);
    for (const viewer of viewers) {
      const types = distinct().flatMap((one) => (one.viewer === viewer ? [one.type] : []));
      expect(types).toEqual(['viewer.online', 'viewer.offline']);
    }
  });
});

needs('redis', 'postgres').concurrent('webhooks when a node is killed', () => {
  let receiver: WebhookReceiver;
  let database: TestDatabase;
  let redis: RedisServer;
  let nodes: ServerProcess[] = [];
  const folder = temporaryFolder('webhook-nodes');

  beforeAll(async () => {
    [receiver, database, redis] = await Promise.all([WebhookReceiver.start(), createDatabase(), RedisServer.start()]);
    const env = {
      ...QUIET,
      ...receiver.env,
      DATABASE_URL: database.url,
      REDIS_URL: redis.url,
      DATA_DIR: folder.path,
      SECRET_KEYS: randomBytes(32).toString('base64url'),
      PUBLIC_URL: 'http://127.0.0.1:1',
      LOG_LEVEL: 'warn',
    };
    nodes = await Promise.all([startServerProcess(env), startServerProcess(env)]);
  });
  afterAll(async () => {
    await Promise.all(nodes.map((node) => node.end('SIGKILL')));
    await receiver.stop();
    await redis.remove();
    await database.drop();
    folder.remove();
  });

  it('tell exactly once of those who do not come back, and nothing of those who do', async () => {
    const [killed, staying] = nodes as [ServerProcess, ServerProcess];
    const browsers = Array.from({ length: 6 }, () => new Browser(staying.url, { origin: null }));
    const viewers: string[] = [];
    for (const browser of browsers) viewers.push(`user:${(await browser.register()).id}`);
    for (const browser of browsers) await openSocket(killed.url, { token: await browser.token() });
    await vi.waitFor(() => expect(receiver.all).toHaveLength(6), WAIT);
    // By now its first check of all viewers is over.
    await delay(16_000);
    await killed.end('SIGKILL');
    const sockets = [];
    for (const browser of browsers.slice(0, 3))
      sockets.push(await openSocket(staying.url, { token: await browser.token() }));
    const gone = viewers.slice(3);
    const offline = () => receiver.all.filter(({ type }) => type === 'viewer.offline');
    await vi.waitFor(() => expect(offline()).toHaveLength(3), OFFLINE);
    const later = new Browser(staying.url, { origin: null });
    const marker = `user:${(await later.register()).id}`;
    sockets.push(await openSocket(staying.url, { token: await later.token() }));
    await vi.waitFor(() => expect(receiver.typesOf(marker)).toEqual(['viewer.online']), WAIT);
    expect(
      offline()
        .map(({ viewer }) => viewer)
        .sort((one, other) => one.localeCompare(other)),
    ).toEqual([...gone].sort((one, other) => one.localeCompare(other)));
    for (const viewer of viewers.slice(0, 3)) expect(receiver.typesOf(viewer)).toEqual(['viewer.online']);
    for (const socket of sockets) await socket.close();
  });
});

needs('postgres').concurrent('webhooks when PostgreSQL has lost who is present, as after a crash', () => {
  it('tell nothing of viewers whose nodes report them again', async () => {
    const receiver = await WebhookReceiver.start();
    const pair = await startTwoNodes({ ...QUIET, ...receiver.env }, 'postgres');
    const [looking, other] = pair.nodes;
    const checks = pair.nodes.map(({ app }) => vi.spyOn(app.get(AnnouncedViewers), 'page'));
    const viewer = newViewer();
    other.app.get(Presence).enter(viewer);
    await vi.waitFor(() => expect(receiver.typesOf(viewer)).toEqual(['viewer.online']), OFFLINE);
    const database = looking.app.get(Database);
    const ask = async (statement: SQL): Promise<Record<string, unknown> | undefined> =>
      ((await database.run((orm) => orm.execute(statement))) as unknown as { rows: Record<string, unknown>[] }).rows[0];
    // The first check of all viewers, a while after the start, by the node that has the lease then.
    await vi.waitFor(() => expect(checks.flatMap(({ mock }) => mock.calls)).not.toEqual([]), OFFLINE);
    // The node reports its viewers again only once it was noticed that they are gone.
    const heartbeat = vi.spyOn(other.app.get(Presence) as unknown as { beat(): Promise<boolean> }, 'beat');
    heartbeat.mockResolvedValue(true);
    await ask(sql`truncate sallyport.node, sallyport.present`);
    const missed = sql`select left_at is not null as missed from announced_viewers where viewer = ${viewer}`;
    await vi.waitFor(async () => expect(await ask(missed)).toEqual({ missed: true }), WAIT);
    heartbeat.mockRestore();
    // A viewer who comes is reported at once, and with them, since the store does not know the node, all others.
    other.app.get(Presence).enter(newViewer());
    await vi.waitFor(async () => expect(await ask(missed)).not.toEqual({ missed: true }), WAIT);
    expect(await ask(missed)).toEqual({ missed: false });
    expect(receiver.typesOf(viewer)).toEqual(['viewer.online']);
    await pair.stop();
    await receiver.stop();
  });
});
