import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { type Topic, type TopicDefinition, topicOf } from '../src/live/topics/topic.js';
import { needs } from './kit/needs.js';
import { RecordingSink } from './kit/recording-sink.js';
import { type RedisNode, redisNode } from './kit/redis-node.js';
import { RedisServer } from './kit/redis-server.js';

const definition: TopicDefinition = {
  name: 'notifications',
  field: 'notifications',
  historySize: 100,
  historySeconds: 300,
  onSubscribe: 'nothing',
  slowReader: 'close',
};
/** Longer than the interval of a node's heartbeat in Redis. */
const HEARTBEAT_MS = 5_500;
/** A node has two connections to Redis; a subscription needs both, and each reconnects by itself. */
const WITHIN = { timeout: 30_000, interval: 100 };

needs('redis')('a Redis that comes back', () => {
  let server: RedisServer;
  let nodes: RedisNode[] = [];
  afterEach(async () => {
    for (const node of nodes) node.close();
    nodes = [];
    await server.remove();
  });

  const start = async (): Promise<RedisNode> => {
    const node = await redisNode(server.url);
    nodes.push(node);
    return node;
  };
  const stopNodes = (): void => {
    for (const node of nodes) node.close();
    nodes = [];
  };
  const publish = async (node: RedisNode, topic: Topic, ...payloads: unknown[]): Promise<string[]> => {
    const outcomes = await node.bus.publish(payloads.map((payload) => ({ topic, payload })));
    return outcomes.map((outcome) => (outcome.ok ? outcome.cursor : ''));
  };
  const resume = async (node: RedisNode, topic: Topic, cursor: string | undefined) => {
    const sink = new RecordingSink();
    await node.bus.subscribe(topic, sink, cursor);
    return { recovered: sink.recovered, payloads: sink.payloads };
  };
  const newTopic = (): Topic => topicOf(definition, `user:${randomUUID()}`);

  it.each(['everysec', 'no'])(
    'with an older copy while every node was restarted starts new epochs (appendfsync %s)',
    async (appendfsync) => {
      server = await RedisServer.start('--appendfsync', appendfsync);
      const topic = newTopic();
      const cursors = await publish(await start(), topic, 1, 2, 3);
      server.backUp();
      await publish(nodes[0]!, topic, ...Array.from({ length: 258 }, (_, index) => 4 + index));
      stopNodes();
      await server.stop();
      server.restore();
      await server.start();
      const node = await start();
      await publish(node, topic, 'in a new epoch');
      expect(await resume(node, topic, cursors[0])).toEqual({ recovered: false, payloads: [] });
    },
  );

  it('with an older copy starts new epochs although it keeps every write, if a node remembers more', async () => {
    server = await RedisServer.start();
    const topic = newTopic();
    const node = await start();
    const cursors = await publish(node, topic, 1, 2, 3);
    server.backUp();
    await publish(node, topic, 4);
    await delay(HEARTBEAT_MS);
    await server.stop();
    server.restore();
    await server.start();
    await expect.poll(() => resume(node, topic, cursors[0]), WITHIN).toEqual({ recovered: false, payloads: [] });
  });

  it('with all its data, since it keeps every write, continues where it was, for new and old nodes', async () => {
    server = await RedisServer.start();
    const topic = newTopic();
    const node = await start();
    const cursors = await publish(node, topic, 1, 2, 3);
    await server.stop();
    await server.start();
    expect(await resume(await start(), topic, cursors[0])).toEqual({ recovered: true, payloads: [2, 3] });
    await expect.poll(() => resume(node, topic, cursors[1]), WITHIN).toEqual({ recovered: true, payloads: [3] });
  });

  it('as a promoted replica ends every open subscription', async () => {
    server = await RedisServer.start('--appendfsync', 'everysec');
    const topic = newTopic();
    const node = await start();
    const sink = new RecordingSink();
    await node.bus.subscribe(topic, sink);
    await publish(node, topic, 1);
    await sink.until(1);
    await server.stop();
    await server.start();
    await sink.untilEnded();
  });

  it('empty starts one generation, not one per node', async () => {
    server = await RedisServer.start();
    const [one, two] = [await start(), await start()];
    const admin = server.client();
    await admin.flushall();
    admin.disconnect();
    const topic = newTopic();
    const [cursor] = await publish(one, topic, 1);
    await delay(HEARTBEAT_MS);
    expect(await resume(two, topic, cursor)).toEqual({ recovered: true, payloads: [] });
  });
});
