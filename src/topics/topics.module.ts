import { Global, Module } from '@nestjs/common';
import { FeedRegistry } from './feed.registry.js';
import { MemoryPresence } from './presence/presence.memory.js';
import { Presence } from './presence/presence.js';
import { MemoryTopicBus } from './topic.bus.memory.js';
import { TopicBus } from './topic.bus.js';
import { MemoryTurns, Turns } from './turns.js';

/** Global: the bus between feeds, publishers and sockets, who is connected, and whose turn it is. Redis where `REDIS_URL` is set, else in memory. */
@Global()
@Module({
  providers: [
    FeedRegistry,
    { provide: TopicBus, useClass: MemoryTopicBus },
    { provide: Presence, useClass: MemoryPresence },
    { provide: Turns, useClass: MemoryTurns },
  ],
  exports: [FeedRegistry, TopicBus, Presence, Turns],
})
export class TopicsModule {}
