import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { SessionRevocations } from '../../src/live/sessions/session-revocations.js';
import { MemorySessionRevocations } from '../../src/live/store/memory/session-revocations.memory.js';
import { MemoryTopicBus } from '../../src/live/store/memory/topic.bus.memory.js';
import { PostgresSessionRevocations } from '../../src/live/store/postgres/session-revocations.postgres.js';
import { RedisSessionRevocations } from '../../src/live/store/redis/session-revocations.redis.js';
import { DeliveryGate } from '../../src/live/topics/delivery-gate.js';
import type { TopicBus } from '../../src/live/topics/topic.bus.js';
import { proxyTo } from '../kit/database-proxy.js';
import { requireNeed, needs } from '../kit/needs.js';
import { type PostgresNode, type PostgresNodes, postgresNode, twoPostgresNodes } from '../kit/postgres-node.js';
import { type RedisNode, redisNode } from '../kit/redis-node.js';
import { RedisServer } from '../kit/redis-server.js';
import { newTopic } from './topic-bus/bus-under-test.js';

const silent = pino({ level: 'silent' });

interface Node {
  readonly revocations: SessionRevocations;
  readonly bus: TopicBus;
}

/** Collects every revocation that the node receives from now on. */
function heardBy({ revocations }: Node): Set<string> {
  const heard = new Set<string>();
  revocations.listen((ids) => ids.forEach((id) => heard.add(id)));
  return heard;
}

/** @param nodes two nodes that share a store, or the same node twice */
function sessionRevocationsContract(name: string, nodes: () => readonly [Node, Node]): void {
  describe(`session revocations ${name}`, () => {
    it('notify the announcing node at once, and every other node', async () => {
      const [here, there] = nodes();
      const [heardHere, heardThere] = [heardBy(here), heardBy(there)];
      const ids = Array.from({ length: 2_500 }, () => randomUUID());
      const announced = here.revocations.announce(ids);
      expect(heardHere).toEqual(new Set(ids));
      await announced;
      await vi.waitFor(() => expect(heardThere).toEqual(new Set(ids)), 30_000);
    });

    it('reach every node before events that are published afterwards', async () => {
      const [here, there] = nodes();
      const topic = newTopic();
      const order: string[] = [];
      const ignore = (): void => {};
      await there.bus.subscribe(topic, {
        confirmed: ignore,
        event: ({ payload }) => order.push(String(payload)),
        ended: ignore,
      });
      const session = randomUUID();
      there.revocations.listen((ids) => {
        if (ids.includes(session) && !order.includes('revoked')) order.push('revoked');
      });
      await here.revocations.announce([session]);
      await here.bus.publish([{ topic, payload: 'published' }]);
      await vi.waitFor(() => expect(order).toEqual(['revoked', 'published']), 30_000);
    });

    it('do not notify a removed listener', async () => {
      const [here, there] = nodes();
      const left: string[] = [];
      const leave = there.revocations.listen((ids) => left.push(...ids));
      leave();
      const stays = heardBy(there);
      const session = randomUUID();
      await here.revocations.announce([session]);
      await vi.waitFor(() => expect(stays).toContain(session), 30_000);
      expect(left).toEqual([]);
    });

    it('notify no listener when no session has ended', async () => {
      const [here] = nodes();
      const listener = vi.fn<(ids: readonly string[]) => void>();
      here.revocations.listen(listener);
      await here.revocations.announce([]);
      expect(listener).not.toHaveBeenCalled();
    });
  });
}

const memory: Node = {
  revocations: new MemorySessionRevocations(),
  bus: new MemoryTopicBus(new DeliveryGate(null, silent)),
};
sessionRevocationsContract('in memory', () => [memory, memory]);

needs('redis')('with Redis', () => {
  const opened: (RedisNode & { readonly revocations: RedisSessionRevocations })[] = [];

  async function open(url: string): Promise<(typeof opened)[number]> {
    const node = await redisNode(url);
    const revocations = new RedisSessionRevocations(node.connection, node.subscriber, silent);
    await revocations.onModuleInit();
    const both = { ...node, revocations };
    opened.push(both);
    return both;
  }

  beforeAll(async () => {
    await open(requireNeed('redis'));
    await open(requireNeed('redis'));
  });
  afterAll(() => {
    for (const node of opened) {
      node.revocations.onApplicationShutdown();
      node.close();
    }
  });

  sessionRevocationsContract('on Redis', () => [opened[0]!, opened[1]!]);

  it('session revocations reach their own node while Redis is unavailable, and announcing never fails', async () => {
    const server = await RedisServer.start();
    const node = await open(server.url);
    const heard = heardBy(node);
    await server.stop();
    const session = randomUUID();
    await node.revocations.announce([session]);
    expect(heard).toContain(session);
    await server.remove();
  });

  it('session revocations of one database of a Redis are not heard in another', async () => {
    const place = new URL(requireNeed('redis'));
    place.pathname = '/1';
    const elsewhere = await open(place.href);
    const [here, there] = opened;
    const [heard, heardElsewhere] = [heardBy(there!), heardBy(elsewhere)];
    const [ours, theirs] = [randomUUID(), randomUUID()];
    await elsewhere.revocations.announce([theirs]);
    await here!.revocations.announce([ours]);
    await vi.waitFor(() => expect(heard).toContain(ours), 30_000);
    await elsewhere.subscriber.fence();
    expect(heard).not.toContain(theirs);
    expect(heardElsewhere).not.toContain(ours);
  });

  it('session revocations ignore a message that is not a list of ids', async () => {
    const [here] = opened;
    const heard = heardBy(here!);
    for (const junk of ['', '{', '"x"', '[1, {"a": 1}]', `["${'x'.repeat(643)}"]`])
      await here!.connection.client.publish('sallyport:session-endings', junk);
    const last = randomUUID();
    await here!.connection.client.publish('sallyport:session-endings', JSON.stringify([last]));
    await vi.waitFor(() => expect(heard).toContain(last), 30_000);
    expect([...heard]).toEqual([last]);
  });
});

needs('postgres')('with PostgreSQL', () => {
  let nodes: PostgresNodes;
  let both: [Node, Node];

  function open(node: PostgresNode): Node {
    const revocations = new PostgresSessionRevocations(node.connection, node.log, silent);
    revocations.onModuleInit();
    return { revocations, bus: node.bus };
  }

  beforeAll(async () => {
    nodes = await twoPostgresNodes();
    both = [open(nodes.here), open(nodes.there)];
  });
  afterAll(() => nodes.remove());

  sessionRevocationsContract('on PostgreSQL', () => both);

  it('session revocations tell every node of a viewer whose tokens were revoked', async () => {
    const [here, there] = both;
    const heard: unknown[] = [];
    there.revocations.listenForViewers((revoked) => heard.push(revoked));
    const revoked = { viewer: `external:acme:${randomUUID()}`, issuedUntilMs: 1_790_000_000_123 } as const;
    await here.revocations.announceViewer(revoked);
    await vi.waitFor(() => expect(heard).toEqual([revoked]), 30_000);
  });

  it('session revocations reach their own node while PostgreSQL is unavailable, and announcing never fails', async () => {
    const proxy = await proxyTo(nodes.url);
    const node = await postgresNode(proxy.url);
    const { revocations, bus } = open(node);
    const heard = heardBy({ revocations, bus });
    await proxy.shut();
    const session = randomUUID();
    await revocations.announce([session]);
    expect(heard).toContain(session);
    await node.close();
    await proxy.end();
  });

  it('session revocations that a node misses while its connection is broken reach it afterwards', async () => {
    const proxy = await proxyTo(nodes.url);
    const node = await postgresNode(proxy.url);
    const heard = heardBy(open(node));
    await proxy.shut();
    await vi.waitFor(() => expect(node.log.isLost).toBe(true), 30_000);
    const session = randomUUID();
    await both[0].revocations.announce([session]);
    await proxy.open();
    await vi.waitFor(() => expect(heard).toContain(session), 30_000);
    await node.close();
    await proxy.end();
  });

  it('session revocations ignore a message that is not a list of ids, and events', async () => {
    const [here] = both;
    const heard = heardBy(here);
    const topic = newTopic();
    await here.bus.publish([{ topic, payload: [randomUUID()] }]);
    for (const junk of ['', '{', '"x"', '[1, {"a": 1}]', `["${'x'.repeat(643)}"]`])
      await nodes.there.connection.run('select sallyport.announce($1)', [junk]);
    const last = randomUUID();
    await nodes.there.connection.run('select sallyport.announce($1)', [JSON.stringify([last])]);
    await vi.waitFor(() => expect(heard).toContain(last), 30_000);
    expect([...heard]).toEqual([last]);
  });
});
