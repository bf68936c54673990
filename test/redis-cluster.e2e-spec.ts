import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { UnavailableError } from '../src/live/errors/sallyport.errors.js';
import { topicKeys, topicTag } from '../src/live/store/redis/topic-keys.js';
import { TOPIC_SCRIPTS } from '../src/live/store/redis/topic-scripts.js';
import { type Topic, type TopicDefinition, topicOf } from '../src/live/topics/topic.js';
import { needs } from './kit/needs.js';
import { RecordingSink } from './kit/recording-sink.js';
import { RedisCluster } from './kit/redis-cluster.js';
import { type RedisNode, redisNode } from './kit/redis-node.js';
import { RedisSentinel } from './kit/redis-sentinel.js';
import { RedisServer } from './kit/redis-server.js';
import { TcpProxy } from './kit/tcp-proxy.js';

const definition: TopicDefinition = {
  name: 'notifications',
  field: 'notifications',
  historySize: 100,
  historySeconds: 300,
  onSubscribe: 'nothing',
  slowReader: 'close',
};
const newTopic = (): Topic => topicOf(definition, `user:${randomUUID()}`);

needs('redis')('the bus on a Redis Cluster', () => {
  let cluster: RedisCluster;
  const nodes: RedisNode[] = [];

  beforeAll(async () => {
    cluster = await RedisCluster.start();
  });
  afterAll(async () => {
    for (const node of nodes) node.close();
    await cluster.remove();
  });

  const start = async (): Promise<RedisNode> => {
    const node = await redisNode(cluster.url);
    nodes.push(node);
    return node;
  };

  it('delivers what is published while others subscribe', async () => {
    for (let round = 0; round < 3; round++) {
      const node = await start();
      const topics = Array.from({ length: 400 }, () => newTopic());
      const sinks = await Promise.all(
        topics.map(async (topic, index) => {
          // Staggered, so that one node sends subscribes, reads and publishes together.
          for (let turns = index % 20; turns > 0; turns--) await node.bus.publish([{ topic: newTopic(), payload: 0 }]);
          const sink = new RecordingSink();
          await node.bus.subscribe(topic, sink);
          await node.bus.publish([{ topic, payload: 1 }]);
          return sink;
        }),
      );
      // If one was sent on a connection that nobody reads, it is found only by the check of quiet topics, after 15 s.
      await Promise.all(sinks.map((sink) => sink.until(1)));
      expect(await node.gapsFilled()).toBe(0);
    }
  });

  it('publishes nothing while a slot moves: the move succeeds, and its subscribers learn of the new epoch', async () => {
    const node = await start();
    const topic = newTopic();
    const sink = new RecordingSink();
    await node.bus.subscribe(topic, sink);
    await node.bus.publish([{ topic, payload: 1 }]);
    const endMove = await cluster.beginMove(topicTag(topic));
    await expect(node.bus.publish([{ topic, payload: 2 }])).rejects.toThrow(UnavailableError);
    await endMove();
    await vi.waitFor(() => node.bus.publish([{ topic, payload: 3 }]), { timeout: 15_000, interval: 100 });
    await sink.untilEnded();
    expect(sink.payloads).toEqual([1]);
  });

  it('finds what idle topics missed although another one cannot be compared', async () => {
    const [node, publisher] = [await start(), await start()];
    const [moving, idle] = [newTopic(), newTopic()];
    const sink = new RecordingSink();
    for (const topic of [moving, idle]) await node.bus.subscribe(topic, sink);
    const endMove = await cluster.beginMove(topicTag(moving));
    // As a node whose message Redis drops.
    const values = [Number.MAX_SAFE_INTEGER, 'unheard-of-12', 'SPUBLISH', ':nobody-listens-here', '100 300000', '0 1'];
    const keys = [topicTag(idle), topicKeys(idle).meta];
    await publisher.connection.runScript(TOPIC_SCRIPTS.cluster.publish, keys, values);
    await cluster.killSubscribers();
    await sink.until(1);
    await endMove();
  });
});

needs('redis')('a failover', () => {
  const nodes: RedisNode[] = [];
  afterEach(() => {
    for (const node of nodes.splice(0)) node.close();
  });
  const start = async (url: string): Promise<RedisNode> => {
    const node = await redisNode(url);
    nodes.push(node);
    return node;
  };
  const subscribed = (node: RedisNode, topics: readonly Topic[]) =>
    Promise.all(
      topics.map(async (topic) => {
        const sink = new RecordingSink();
        await node.bus.subscribe(topic, sink);
        return sink;
      }),
    );
  const hasEnded = ({ all }: RecordingSink) => all.some(({ kind }) => kind === 'ended');

  it('of a cluster loses nothing unnoticed; each event gets its own result, and nothing is printed', async () => {
    const printed = vi.spyOn(console, 'error');
    const cluster = await RedisCluster.start({ replicas: 1 });
    try {
      const node = await start(cluster.urls);
      const topics = Array.from({ length: 60 }, () => newTopic());
      const sinks = await subscribed(node, topics);
      const publishAll = (payload: number) => node.bus.publish(topics.map((topic) => ({ topic, payload })));
      await publishAll(1);
      await Promise.all(sinks.map((sink) => sink.until(1)));
      await cluster.killFirst();
      const during = await publishAll(2);
      expect(new Set(during.map((outcome) => (outcome.ok ? 'published' : outcome.reason)))).toEqual(
        new Set(['published', 'unavailable']),
      );
      // A node that starts now finds the cluster through the remaining members.
      await start(cluster.urls);
      await vi.waitFor(async () => expect((await publishAll(3)).every(({ ok }) => ok)).toBe(true), {
        timeout: 30_000,
        interval: 250,
      });
      // Either a gap is reported or every event has arrived: on a busy machine more connections than the killed one may be lost.
      await vi.waitFor(
        () => {
          for (const sink of sinks) expect(hasEnded(sink) || sink.payloads.includes(3)).toBe(true);
        },
        { timeout: 60_000, interval: 100 },
      );
      expect(sinks.some(hasEnded)).toBe(true);
      for (const sink of sinks) if (!hasEnded(sink)) expect([...new Set(sink.payloads)]).toEqual([1, 2, 3]);
      const again = await subscribed(node, topics);
      await publishAll(4);
      await Promise.all(again.map((sink) => sink.until(4)));
      expect(printed).not.toHaveBeenCalled();
    } finally {
      printed.mockRestore();
      await cluster.remove();
    }
  });

  it('behind an address is followed, although the former master keeps its connections', async () => {
    const [former, next] = [await RedisServer.start(), await RedisServer.start()];
    const address = await TcpProxy.start(former.port);
    const admins = [former.client(), next.client()] as const;
    try {
      const node = await start(`redis://127.0.0.1:${address.port}`);
      await admins[1].replicaof('127.0.0.1', former.port);
      await vi.waitFor(async () => expect(await admins[1].info('replication')).toContain('master_link_status:up'), {
        timeout: 20_000,
      });
      await admins[1].call('REPLICAOF', 'NO', 'ONE');
      address.redirect(next.port);
      await admins[0].replicaof('127.0.0.1', next.port);
      const topic = newTopic();
      await vi.waitFor(() => node.bus.publish([{ topic, payload: 1 }]), { timeout: 20_000, interval: 100 });
      const [sink] = await subscribed(node, [topic]);
      await node.bus.publish([{ topic, payload: 2 }]);
      await sink!.until(2);
    } finally {
      for (const admin of admins) admin.disconnect();
      await address.stop();
      await Promise.all([former.remove(), next.remove()]);
    }
  });

  it('by Sentinel is followed, and subscribers learn that events may be missing', async () => {
    const printed = vi.spyOn(console, 'error');
    const sentinel = await RedisSentinel.start();
    try {
      const node = await start(sentinel.url);
      const topic = newTopic();
      const [sink] = (await subscribed(node, [topic])) as [RecordingSink];
      await node.bus.publish([{ topic, payload: 1 }]);
      await sink.until(1);
      await sentinel.killMaster();
      await vi.waitFor(() => node.bus.publish([{ topic, payload: 2 }]), { timeout: 30_000, interval: 250 });
      await vi.waitFor(() => expect(hasEnded(sink)).toBe(true), 10_000);
      const resumed = new RecordingSink();
      await node.bus.subscribe(topic, resumed, sink.cursor);
      expect(resumed.recovered).toBe(false);
      await node.bus.publish([{ topic, payload: 3 }]);
      await resumed.until(3);
      expect(printed).not.toHaveBeenCalled();
    } finally {
      printed.mockRestore();
      await sentinel.remove();
    }
  });
});
