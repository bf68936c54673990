import { pino } from 'pino';
import { MemoryTopicBus } from '../../src/topics/topic.bus.memory.js';
import { locate, needs } from '../kit/needs.js';
import { redisNode } from '../kit/redis-node.js';
import { topicBusContract } from './topic-bus.contract.js';

topicBusContract('in memory', async () => {
  const bus = new MemoryTopicBus();
  const others: MemoryTopicBus[] = [];
  return {
    bus,
    elsewhere: bus,
    forget: async () => {
      const restarted = new MemoryTopicBus();
      others.push(restarted);
      return restarted;
    },
    close: async () => [bus, ...others].forEach((each) => each.onModuleDestroy()),
  };
});

needs('redis')('with Redis', () => {
  topicBusContract('on Redis', async () => {
    const logger = pino({ level: 'silent' });
    const [here, there] = [await redisNode(locate('redis'), logger), await redisNode(locate('redis'), logger)];
    return {
      bus: here.bus,
      elsewhere: there.bus,
      forget: async (topic) => {
        await here.connection.client.del(`sallyport:{${topic.name}}:meta`, `sallyport:{${topic.name}}:stream`);
        return here.bus;
      },
      close: async () => [here, there].forEach((node) => node.close()),
    };
  });
});
