import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { MemoryPresence } from '../../src/live/store/memory/presence.memory.js';
import { RedisPresence } from '../../src/live/store/redis/presence.redis.js';
import type { Presence } from '../../src/live/presence/presence.js';
import type { ViewerId } from '../../src/live/viewer/viewer.js';
import { needs } from '../kit/needs.js';
import { type RedisNode, redisNode } from '../kit/redis-node.js';
import { RedisServer } from '../kit/redis-server.js';

/** Fifteen seconds in real life. */
const LEASE_MS = 900;

const newViewer = (): ViewerId => `user:${randomUUID()}`;

async function connectedTo(presence: Presence): Promise<string[]> {
  const found: string[] = [];
  for await (const batch of presence.connected()) found.push(...batch);
  return found.sort();
}

/** Presence travels in batches: waits until it shows. */
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
    const [dying, staying] = [await newNode(), await newPresence()];
    const viewer = newViewer();
    const presence = new RedisPresence(dying.connection, LEASE_MS);
    presence.enter(viewer);
    await untilConnected(staying, [viewer]);
    dying.close();
    await vi.waitFor(async () => expect(await connectedTo(staying)).toEqual([]), { timeout: 15_000 });
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
});
