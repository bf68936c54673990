import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Topic, type TopicDefinition, topicOf } from '../src/topics/topic.js';
import { needs } from './kit/needs.js';
import { RecordingSink } from './kit/recording-sink.js';
import { RedisCluster } from './kit/redis-cluster.js';
import { type RedisNode, redisNode } from './kit/redis-node.js';

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

  it('delivers live, from its start on, what is published while others subscribe', async () => {
    for (let round = 0; round < 3; round++) {
      const node = await start();
      const topics = Array.from({ length: 400 }, () => newTopic());
      const sinks = await Promise.all(
        topics.map(async (topic, index) => {
          // Each at its own moment, so that subscribes, reads and publishes of one node leave together.
          for (let turns = index % 20; turns > 0; turns--) await node.bus.publish([{ topic: newTopic(), payload: 0 }]);
          const sink = new RecordingSink();
          await node.bus.subscribe(topic, sink);
          await node.bus.publish([{ topic, payload: 1 }]);
          return sink;
        }),
      );
      // One that goes over a connection which nobody reads is found only when quiet topics are compared, after 15 s.
      await Promise.all(sinks.map((sink) => sink.until(1)));
      expect(await node.gapsFilled()).toBe(0);
    }
  });
});
