import { topicKeys } from '../../src/live/store/redis/topic-keys.js';
import { pino } from 'pino';
import { DeliveryGate } from '../../src/live/topics/delivery-gate.js';
import { MemoryTopicBus } from '../../src/live/store/memory/topic.bus.memory.js';
import { requireNeed, needs } from '../kit/needs.js';
import { RedisCluster } from '../kit/redis-cluster.js';
import { postgresNode } from '../kit/postgres-node.js';
import { createDatabase } from '../kit/postgres-database.js';
import { redisNode } from '../kit/redis-node.js';
import type { BusHarness } from './topic-bus/bus-under-test.js';
import { topicBusContract } from './topic-bus.contract.js';

topicBusContract('in memory', async () => {
  const bus = new MemoryTopicBus(new DeliveryGate(null, pino({ level: 'silent' })));
  const others: MemoryTopicBus[] = [];
  return {
    bus,
    elsewhere: bus,
    forget: async () => {
      const restarted = new MemoryTopicBus(new DeliveryGate(null, pino({ level: 'silent' })));
      others.push(restarted);
      return restarted;
    },
    close: async () => [bus, ...others].forEach((each) => each.beforeApplicationShutdown()),
  };
});

/** Opens two nodes on one Redis. */
async function onRedis(url: string, remove: () => Promise<void> = async () => {}): Promise<BusHarness> {
  const [here, there] = [await redisNode(url), await redisNode(url)];
  return {
    bus: here.bus,
    elsewhere: there.bus,
    forget: async (topic) => {
      const { meta, stream } = topicKeys(topic);
      await here.connection.client.del(meta, stream);
      return here.bus;
    },
    close: async () => {
      for (const node of [here, there]) node.close();
      await remove();
    },
  };
}

needs('redis')('with Redis', () => {
  topicBusContract('on Redis', () => onRedis(requireNeed('redis')));
  topicBusContract('on a Redis Cluster', async () => {
    const cluster = await RedisCluster.start();
    return onRedis(cluster.url, () => cluster.remove());
  });
});

needs('postgres')('with PostgreSQL', () => {
  topicBusContract('on PostgreSQL', async () => {
    const database = await createDatabase();
    const here = await postgresNode(database.url);
    const there = await postgresNode(database.url);
    return {
      bus: here.bus,
      elsewhere: there.bus,
      forget: async (topic) => {
        await there.bus.forget(topic);
        return here.bus;
      },
      close: async () => {
        await Promise.all([here.close(), there.close()]);
        await database.drop();
      },
    };
  });
});
