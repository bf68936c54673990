import type { DeliveryGate } from '../../topics/delivery-gate.js';
import type { LiveTopic } from '../../topics/live-topic.js';
import type { TopicReading } from '../../topics/topic-reading.js';
import type { Publication, PublishOutcome } from '../../topics/topic.bus.js';
import type { TopicMetrics } from '../../topics/topic.metrics.js';
import type { Topic } from '../../topics/topic.js';
import { inStoreSpan } from '../../tracing/store-span.js';
import { type Listening, SharedTopicBus } from '../topic.bus.shared.js';
import { AnnouncedTrace } from './announced-trace.js';
import type { RedisConnection } from './redis.connection.js';
import type { RedisSubscriber } from './redis.subscriber.js';
import { eventOf, TopicStore } from './topic-store.js';

const STORE_CALL = { system: 'redis', operation: 'EVALSHA', name: 'EVALSHA publish' } as const;

/** The bus of many nodes on Redis: one channel a topic, and a stream with its history. */
export class RedisTopicBus extends SharedTopicBus<TopicReading> {
  readonly #store: TopicStore;
  /** Of the last message, if it announced one. */
  #announced: AnnouncedTrace | null = null;

  constructor(
    redis: RedisConnection,
    private readonly subscriber: RedisSubscriber,
    gate: DeliveryGate,
    metrics: TopicMetrics,
  ) {
    const store = new TopicStore(redis);
    super(store, gate, metrics, redis.isCluster ? 1 : undefined);
    this.#store = store;
  }

  override publish(publications: readonly Publication[]): Promise<readonly PublishOutcome[]> {
    return inStoreSpan(STORE_CALL, publications, () => this.#store.publish(publications));
  }

  protected override listen(topic: Topic, live: LiveTopic): Listening {
    const confirmed = this.subscriber.subscribe(this.#store.channel(topic), (message) => this.#hear(live, message));
    // A subscription that was never confirmed does not need to be ended.
    const nothing = (): void => {};
    return { confirmed, end: () => void confirmed.then((leave) => leave(), nothing) };
  }

  protected override caughtUpWith(): Promise<void> {
    return this.subscriber.fence();
  }

  #hear(live: LiveTopic, message: string): void {
    if (!live.accepts()) return;
    const event = eventOf(message);
    if (event.offset === 0) {
      this.#announced = AnnouncedTrace.read(live, event);
      return;
    }
    if (this.#announced) event.trace = this.#announced.of(live, event);
    this.#announced = null;
    live.receive(event);
  }
}
