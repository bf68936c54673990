import type { DeliveryGate } from '../../topics/delivery-gate.js';
import type { LiveTopic } from '../../topics/live-topic.js';
import type { TopicReading } from '../../topics/topic-reading.js';
import type { Publication, PublishOutcome } from '../../topics/topic.bus.js';
import type { TopicMetrics } from '../../topics/topic.metrics.js';
import type { Topic } from '../../topics/topic.js';
import { inStoreSpan } from '../../tracing/store-span.js';
import { SharedTopicBus } from '../topic.bus.shared.js';
import { AnnouncedTrace } from './announced-trace.js';
import type { RedisConnection } from './redis.connection.js';
import type { ChannelListener, RedisSubscriber } from './redis.subscriber.js';
import { eventOf, RedisTopicStorage } from './topic.storage.redis.js';

const STORE_CALL = { system: 'redis', operation: 'EVALSHA', name: 'EVALSHA publish' } as const;

/** The bus of many nodes on Redis: one channel a topic, and a stream with its history. */
export class RedisTopicBus extends SharedTopicBus<TopicReading> {
  readonly #store: RedisTopicStorage;
  /** Shared by all channels, whose messages arrive on one connection: a trace is announced right before its event. */
  readonly #announcements: Announcements = { last: null };

  constructor(
    redis: RedisConnection,
    private readonly subscriber: RedisSubscriber,
    gate: DeliveryGate,
    metrics: TopicMetrics,
  ) {
    const store = new RedisTopicStorage(redis);
    super(store, gate, metrics);
    this.#store = store;
  }

  override publish(publications: readonly Publication[]): Promise<readonly PublishOutcome[]> {
    return inStoreSpan(STORE_CALL, publications, () => this.#store.publish(publications));
  }

  protected override listen(live: LiveTopic): Promise<void> {
    const channel = this.#store.channel(live.topic);
    return this.subscriber.subscribe(channel, new TopicChannel(live, this.#announcements));
  }

  protected override ignore(topic: Topic): void {
    this.subscriber.unsubscribe(this.#store.channel(topic));
  }

  protected override caughtUpWith(): Promise<void> {
    return this.subscriber.fence();
  }
}

/** The trace that the last message announced, if it did. */
interface Announcements {
  last: AnnouncedTrace | null;
}

/** One topic's messages from Redis. */
class TopicChannel implements ChannelListener {
  constructor(
    private readonly live: LiveTopic,
    private readonly announcements: Announcements,
  ) {}

  receive(message: string): void {
    if (!this.live.accepts()) return;
    const event = eventOf(message);
    if (!event) return;
    if (event.offset === 0) {
      this.announcements.last = AnnouncedTrace.read(this.live, event);
      return;
    }
    if (this.announcements.last) event.trace = this.announcements.last.of(this.live, event);
    this.announcements.last = null;
    this.live.receive(event);
  }
}
