import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { MemoryPresence } from '../../src/live/store/memory/presence.memory.js';
import { PostgresPresence } from '../../src/live/store/postgres/presence.postgres.js';
import { StoreSweeper } from '../../src/live/store/postgres/store-sweeper.js';
import { UnavailableError } from '../../src/live/errors/sallyport.errors.js';
import { RedisPresence } from '../../src/live/store/redis/presence.redis.js';
import type { Presence } from '../../src/live/presence/presence.js';
import type { ViewerId } from '../../src/live/viewer/viewer.js';
import { proxyTo } from '../kit/database-proxy.js';
import { needs } from '../kit/needs.js';
import { readOnly } from '../kit/postgres-database.js';
import { type PostgresNode, type PostgresNodes, postgresNode, twoPostgresNodes } from '../kit/postgres-node.js';
import { type RedisNode, redisNode } from '../kit/redis-node.js';
import { RedisServer } from '../kit/redis-server.js';

/** 10 s in production. */
const LEASE_MS = 900;

const newViewer = (): ViewerId => `user:${randomUUID()}`;

async function connectedTo(presence: Presence): Promise<string[]> {
  const found: string[] = [];
  for await (const batch of presence.connected()) found.push(...batch);
  return found.sort();
}

/** Waits until exactly these viewers are connected: presence is written in batches. */
async function untilConnected(presence: Presence, expected: readonly string[]): Promise<void> {
  await vi.waitFor(async () => expect(await connectedTo(presence)).toEqual([...expected].sort()), { timeout: 15_000 });
}

async function untilSockets(presence: Presence, viewer: ViewerId, count: number): Promise<void> {
  const sockets = async (): Promise<number> => (await presence.among([viewer])).get(viewer)?.connections ?? 0;
  await vi.waitFor(async () => expect(await sockets()).toBe(count), { timeout: 15_000 });
}

function presenceContract(name: string, open: () => Promise<{ here: Presence; there: Presence }>): void {
  describe(`Presence ${name}`, () => {
    it('counts a viewer once, from the first socket to the last', async () => {
      const { here, there } = await open();
      const [a, b] = [newViewer(), newViewer()];
      const leaveFirst = here.enter(a);
      const leaveSecond = there.enter(a);
      const leaveB = here.enter(b);
      await untilConnected(there, [a, b]);
      leaveFirst();
      leaveFirst();
      leaveB();
      await untilConnected(here, [a]);
      leaveSecond();
      await untilConnected(here, []);
    });

    it('tells how many sockets a viewer has on all nodes, and since when', async () => {
      const { here, there } = await open();
      const [viewer, absent] = [newViewer(), newViewer()];
      const startedAtMs = Date.now();
      const leaveFirst = here.enter(viewer);
      await delay(20);
      const secondAtMs = Date.now();
      const leaveSecond = here.enter(viewer);
      const leaveThird = there.enter(viewer);
      for (const node of [here, there]) await untilSockets(node, viewer, 3);
      for (const node of [here, there]) {
        const found = await node.among([absent, viewer]);
        expect([...found.keys()]).toEqual([viewer]);
        expect(found.get(viewer)?.since.getTime()).toBeGreaterThanOrEqual(startedAtMs);
        expect(found.get(viewer)?.since.getTime()).toBeLessThan(secondAtMs);
      }
      leaveFirst();
      leaveFirst();
      for (const node of [here, there]) {
        await untilSockets(node, viewer, 2);
        expect((await node.among([viewer])).get(viewer)?.since.getTime()).toBeGreaterThanOrEqual(secondAtMs);
      }
      leaveSecond();
      leaveThird();
      for (const node of [here, there]) await untilSockets(node, viewer, 0);
    });

    it('lists the nodes that are alive, and tells about changes on this one', async () => {
      const { here, there } = await open();
      const viewer = newViewer();
      const changes: [string, number][] = [];
      const stop = here.listen((...change) => changes.push(change));
      const leaving = [here.enter(viewer), here.enter(viewer), there === here ? () => {} : there.enter(viewer)];
      const least = here === there ? 1 : 2;
      await vi.waitFor(async () => expect((await here.nodes()).size).toBeGreaterThanOrEqual(least), {
        timeout: 15_000,
      });
      for (const leave of leaving) leave();
      stop();
      here.enter(viewer)();
      expect(changes).toEqual([1, 2, 1, 0].map((connections) => [viewer, connections]));
    });

    it('finds a thousand viewers in one query', async () => {
      const { here, there } = await open();
      const viewers = Array.from({ length: 1_000 }, newViewer);
      const leaving = viewers.slice(0, 900).map((viewer, index) => (index % 2 === 0 ? here : there).enter(viewer));
      await vi.waitFor(async () => expect((await here.among(viewers)).size).toBe(900), { timeout: 15_000 });
      for (const leave of leaving) leave();
      await untilConnected(here, []);
      expect(await here.among([])).toEqual(new Map());
    });

    it('finds thousands, each once, in batches of at most a thousand', async () => {
      const { here, there } = await open();
      const viewers = Array.from({ length: 3_500 }, newViewer);
      const leaving = viewers.map((viewer) => here.enter(viewer));
      await untilConnected(there, viewers);
      for await (const batch of there.connected()) expect(batch.length).toBeLessThanOrEqual(1_000);
      for (const leave of leaving) leave();
      await untilConnected(there, []);
    });
  });
}

presenceContract('in memory', async () => {
  const presence = new MemoryPresence();
  return { here: presence, there: presence };
});

needs('redis')('with Redis', () => {
  let server: RedisServer;
  const nodes: RedisNode[] = [];
  const presences: RedisPresence[] = [];

  beforeAll(async () => {
    server = await RedisServer.start();
  });
  afterAll(async () => {
    await Promise.all(presences.map((presence) => presence.beforeApplicationShutdown()));
    for (const node of nodes) node.close();
    await server.remove();
  });

  async function newNode(): Promise<RedisNode> {
    const node = await redisNode(server.url);
    nodes.push(node);
    return node;
  }

  async function newPresence(): Promise<RedisPresence> {
    const presence = new RedisPresence((await newNode()).connection, LEASE_MS);
    presences.push(presence);
    return presence;
  }

  presenceContract('on Redis', async () => ({ here: await newPresence(), there: await newPresence() }));

  it('removes a crashed node when its lease expires', async () => {
    const [lost, staying] = [await newNode(), await newPresence()];
    const viewer = newViewer();
    const presence = new RedisPresence(lost.connection, LEASE_MS);
    presence.enter(viewer);
    await untilConnected(staying, [viewer]);
    const before = await staying.nodes();
    lost.close();
    await vi.waitFor(async () => expect(await connectedTo(staying)).toEqual([]), { timeout: 15_000 });
    await vi.waitFor(
      async () => {
        const nodes = await staying.nodes();
        expect([...before].filter((node) => !nodes.has(node))).toHaveLength(1);
      },
      { timeout: 15_000 },
    );
  });

  it('counts the sockets of a node that has come since the last query, and of none that is gone', async () => {
    const [here, there, dying] = [await newPresence(), await newPresence(), await newNode()];
    const viewer = newViewer();
    const before = await here.nodes();
    new RedisPresence(dying.connection, LEASE_MS).enter(viewer);
    await untilSockets(here, viewer, 1);
    const gone = [...(await here.nodes())].find((node) => !before.has(node)) ?? '';
    const coming = await newPresence();
    const leave = coming.enter(viewer);
    await untilSockets(there, viewer, 2);
    const sockets = async (): Promise<number> => (await here.among([viewer])).get(viewer)?.connections ?? 0;
    expect(await sockets()).toBe(2);
    dying.close();
    const client = server.client();
    expect(await client.zrem('sallyport:{presence}:alive', gone)).toBe(1);
    expect([await sockets(), await client.hexists(`sallyport:{presence:${gone}}`, viewer)]).toEqual([1, 1]);
    client.disconnect();
    leave();
    await untilConnected(here, []);
  });

  it('writes its viewers again to an emptied Redis, at the next heartbeat', async () => {
    const [here, there] = [await newPresence(), await newPresence()];
    const viewer = newViewer();
    const leave = here.enter(viewer);
    await untilConnected(there, [viewer]);
    const client = server.client();
    await client.flushall();
    client.disconnect();
    await vi.waitFor(async () => expect(await connectedTo(there)).toEqual([viewer]), { timeout: 15_000 });
    leave();
  });

  it('leaves nothing in Redis that does not expire when a report fails halfway', async () => {
    const { connection } = await newNode();
    const admin = server.client();
    const client = connection.client as Redis;
    const hset = client.hset.bind(client) as typeof client.hset;
    const failing = new Promise<number>((resolve) => {
      vi.spyOn(client, 'hset')
        .mockImplementationOnce(hset)
        .mockImplementation(async (key) => {
          resolve(await admin.pttl(key));
          throw new Error('full');
        });
    });
    const presence = new RedisPresence(connection, LEASE_MS);
    for (let viewers = 0; viewers < 1_001; viewers++) presence.enter(newViewer());
    expect(await failing).toBeGreaterThan(0);
    await presence.beforeApplicationShutdown();
    expect(await admin.exists(vi.mocked(client.hset).mock.lastCall![0])).toBe(0);
    admin.disconnect();
  });

  it('takes no node for gone while Redis is full and no node can renew its lease', async () => {
    const [here, there] = [await newPresence(), await newPresence()];
    const viewer = newViewer();
    const leave = there.enter(viewer);
    await untilSockets(here, viewer, 1);
    const admin = server.client();
    await admin.config('SET', 'maxmemory', '1');
    await vi.waitUntil(async () => (await admin.exists('sallyport:{presence}:alive')) === 0, { timeout: 15_000 });
    for (const ask of [() => here.among([viewer]), () => here.nodes(), () => connectedTo(here)])
      await expect(ask()).rejects.toBeInstanceOf(UnavailableError);
    await admin.config('SET', 'maxmemory', '0');
    admin.disconnect();
    await vi.waitFor(() => untilSockets(here, viewer, 1), { timeout: 15_000 });
    leave();
  });

  it('writes all of its viewers again to an emptied Redis, when another one connects before the heartbeat', async () => {
    const [here, there] = [await newPresence(), await newPresence()];
    const [viewer, other] = [newViewer(), newViewer()];
    const leaving = [here.enter(viewer)];
    await untilConnected(there, [viewer]);
    const client = server.client();
    await client.flushall();
    client.disconnect();
    leaving.push(here.enter(other));
    await vi.waitFor(async () => expect((await connectedTo(there)).toSorted()).toEqual([viewer, other].toSorted()), {
      timeout: 15_000,
    });
    for (const leave of leaving) leave();
  });
});

needs('postgres')('with PostgreSQL', () => {
  let nodes: PostgresNodes;
  const presences: PostgresPresence[] = [];
  beforeAll(async () => void (nodes = await twoPostgresNodes()));
  afterAll(async () => {
    await Promise.all(presences.map((presence) => presence.beforeApplicationShutdown()));
    await nodes.remove();
  });

  function newPresence({ connection }: PostgresNode): PostgresPresence {
    const presence = new PostgresPresence(connection, LEASE_MS);
    presences.push(presence);
    return presence;
  }

  const rows = async (): Promise<number> => (await nodes.here.connection.run('select from sallyport.present')).length;

  presenceContract('on PostgreSQL', async () => ({ here: newPresence(nodes.here), there: newPresence(nodes.there) }));

  it('removes a crashed node when its lease expires, and then its rows', async () => {
    const lost = await postgresNode(nodes.url);
    const staying = newPresence(nodes.here);
    const leaving = Array.from({ length: 2_500 }, newViewer).map((viewer) => staying.enter(viewer));
    for (const leave of leaving) leave();
    await untilConnected(staying, []);
    const viewers = Array.from({ length: 2_500 }, newViewer);
    const presence = new PostgresPresence(lost.connection, LEASE_MS);
    for (const viewer of viewers) presence.enter(viewer);
    await untilConnected(staying, viewers);
    await lost.close();
    await untilConnected(staying, []);
    const sweeper = new StoreSweeper(nodes.here.connection);
    await sweeper.sweep();
    await sweeper.stop();
    expect(await rows()).toBe(0);
    await presence.beforeApplicationShutdown();
  });

  it('takes no node for gone while PostgreSQL is read-only and no node can renew its lease', async () => {
    const node = await postgresNode(readOnly(nodes.url));
    const [here, viewer] = [newPresence(node), newViewer()];
    await vi.waitUntil(() => node.connection.health.state === 'refuses-writes', { timeout: 15_000 });
    for (const ask of [() => here.among([viewer]), () => here.nodes(), () => connectedTo(here)])
      await expect(ask()).rejects.toBeInstanceOf(UnavailableError);
    await node.close();
  });

  it('leaves at once at a shutdown', async () => {
    const [leaving, staying] = [newPresence(nodes.here), newPresence(nodes.there)];
    leaving.enter(newViewer());
    await vi.waitFor(async () => expect(await connectedTo(staying)).toHaveLength(1), { timeout: 15_000 });
    await leaving.beforeApplicationShutdown();
    expect(await connectedTo(staying)).toEqual([]);
  });

  it('reports its viewers again, each with its sockets, after its lease expired while it could not report', async () => {
    const proxy = await proxyTo(nodes.url);
    const node = await postgresNode(proxy.url);
    const [here, there] = [newPresence(node), newPresence(nodes.there)];
    const [stays, leaves, comes] = [newViewer(), newViewer(), newViewer()];
    here.enter(stays);
    const leave = here.enter(leaves);
    await untilConnected(there, [stays, leaves]);
    await proxy.shut();
    here.enter(stays);
    here.enter(comes);
    leave();
    await untilConnected(there, []);
    await proxy.open();
    await untilConnected(there, [stays, comes]);
    expect((await there.among([stays])).get(stays)?.connections).toBe(2);
    await here.beforeApplicationShutdown();
    await node.close();
    await proxy.end();
  });

  it.each([
    ['its lease expired while it was paused', "update sallyport.node set alive_until = '-infinity'"],
    ['the unlogged tables were emptied', 'truncate sallyport.node, sallyport.present'],
  ])('reports its viewers again at the next heartbeat after %s', async (_, statement) => {
    const [here, there] = [newPresence(nodes.here), newPresence(nodes.there)];
    const viewer = newViewer();
    const leave = here.enter(viewer);
    await untilConnected(there, [viewer]);
    await nodes.here.connection.run(statement);
    const sweeper = new StoreSweeper(nodes.here.connection);
    await sweeper.sweep();
    await sweeper.stop();
    await untilConnected(there, [viewer]);
    leave();
    await untilConnected(there, []);
  });

  it('writes one small row per heartbeat, however many viewers there are', async () => {
    const here = newPresence(nodes.here);
    const leaving = Array.from({ length: 3_000 }, newViewer).map((viewer) => here.enter(viewer));
    await vi.waitFor(async () => expect(await connectedTo(here)).toHaveLength(3_000), { timeout: 15_000 });
    const versions = async (): Promise<string> =>
      (await nodes.here.connection.run<{ sum: string }>('select sum(xmin::text::bigint) from sallyport.present'))[0]!
        .sum;
    const lease = async (): Promise<number> =>
      Number(
        (
          await nodes.here.connection.run<{ at: string }>(
            'select max(extract(epoch from alive_until)) as at from sallyport.node',
          )
        )[0]!.at,
      );
    const [before, renewedAt] = [await versions(), await lease()];
    await vi.waitFor(async () => expect(await lease()).toBeGreaterThan(renewedAt + LEASE_MS / 1_500), {
      timeout: 15_000,
    });
    expect(await versions()).toBe(before);
    for (const leave of leaving) leave();
    await untilConnected(here, []);
  });
});
