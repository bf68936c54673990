import { Global, Module } from '@nestjs/common';
import { MemoryTopicBus } from './topic.bus.memory.js';
import { TopicBus } from './topic.bus.js';

/** Global: the bus between feeds, publishers and sockets. Redis where `REDIS_URL` is set, else in memory. */
@Global()
@Module({
  providers: [{ provide: TopicBus, useClass: MemoryTopicBus }],
  exports: [TopicBus],
})
export class TopicsModule {}
