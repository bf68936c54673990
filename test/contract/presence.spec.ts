import { randomUUID } from 'node:crypto';
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
  await vi.waitFor(async () => expect(await connectedTo(presence)).toEqual([...expected].sort()), { timeout: 5_000 });
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
    await vi.waitFor(async () => expect(await connectedTo(staying)).toEqual([]), { timeout: 3_000 });
  });

  it('writes its viewers again to an emptied Redis, at the next heartbeat', async () => {
    const [here, there] = [await newPresence(), await newPresence()];
    const viewer = newViewer();
    const leave = here.enter(viewer);
    await untilConnected(there, [viewer]);
    const client = server.client();
    await client.flushall();
    client.disconnect();
    await vi.waitFor(async () => expect(await connectedTo(there)).toEqual([viewer]), { timeout: 8_000 });
    leave();
  });
});
