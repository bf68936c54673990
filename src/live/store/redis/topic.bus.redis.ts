import type { BeforeApplicationShutdown } from '@nestjs/common';
import type { RedisConnection } from './redis.connection.js';
import type { RedisSubscriber } from './redis.subscriber.js';
import { parseCursor } from '../../topics/cursor.js';
import type { DeliveryGate } from '../../topics/delivery-gate.js';
import { GapDetector } from '../../topics/gap-detector.js';
import { LagProbe } from '../../topics/lag-probe.js';
import { LiveTopic, TopicSubscriber } from '../../topics/live-topic.js';
import type { ReadOptions, TopicReading } from '../../topics/topic-reading.js';
import { eventOf, TopicStore } from './topic-store.js';
import {
  type HistoryPage,
  type HistoryRange,
  type Publication,
  type PublishOutcome,
  TopicBus,
  type TopicSink,
  type TopicSubscription,
} from '../../topics/topic.bus.js';
import type { TopicMetrics } from '../../topics/topic.metrics.js';
import type { Topic } from '../../topics/topic.js';

interface Listening {
  readonly live: LiveTopic;
  /** Settles with Redis's confirmation; resolves to the function that ends it. */
  readonly confirmed: Promise<() => void>;
}

/**
 * The bus of many nodes. Subscribing: Redis confirms the channel, then the history is read, then both are merged by
 * offset. Losses are detected by offset, after a reconnect, and by comparing idle topics with the store.
 */
export class RedisTopicBus extends TopicBus implements BeforeApplicationShutdown {
  readonly #topics = new Map<string, Listening>();
  readonly #store: TopicStore;
  readonly #watch: GapDetector;
  readonly #lag: LagProbe;

  constructor(
    redis: RedisConnection,
    private readonly subscriber: RedisSubscriber,
    private readonly gate: DeliveryGate,
    private readonly metrics: TopicMetrics,
  ) {
    super();
    metrics.watch(() => this.#topics.size);
    this.#store = new TopicStore(redis);
    this.#lag = new LagProbe(this.#store, metrics);
    const batchSize = redis.isCluster ? 1 : undefined;
    this.#watch = new GapDetector(
      this.#store,
      () => this.#liveTopics(),
      () => this.#topics.size,
      batchSize,
    );
    gate.onOpened(() => void this.#watch.compareAll());
  }

  override publish(publications: readonly Publication[]): Promise<readonly PublishOutcome[]> {
    return this.#store.publish(publications);
  }

  override async subscribe(topic: Topic, sink: TopicSink, resume?: unknown): Promise<TopicSubscription> {
    const { live, confirmed } = this.#listening(topic);
    const member = new TopicSubscriber(sink);
    live.admit(member);
    try {
      await confirmed;
      const since = resume === undefined ? undefined : parseCursor(resume);
      const reading = await this.#read(topic, { since, otherwise: topic.definition.onSubscribe });
      live.join(member, reading);
      return { end: () => live.dismiss(member) };
    } catch (error) {
      live.dismiss(member);
      throw error;
    }
  }

  override history(topic: Topic, range: HistoryRange): Promise<HistoryPage> {
    return this.#store.history(topic, range);
  }

  override forget(topic: Topic): Promise<void> {
    return this.#store.forget(topic);
  }

  beforeApplicationShutdown(): void {
    this.#watch.stop();
    this.#lag.stop();
  }

  #listening(topic: Topic): Listening {
    const known = this.#topics.get(topic.name);
    if (known) return known;
    const live = new LiveTopic(topic, {
      mayDeliver: () => this.gate.isOpen,
      heard: (event) => this.#lag.live(topic, event),
      filled: (event) => this.#lag.filled(topic, event),
      read: (since) => this.#read(topic, { since, otherwise: 'nothing' }),
      noticed: (outcome) => this.metrics.gap(outcome),
      forgotten: () => void this.#watch.compareAll(),
      abandoned: () => this.#abandon(topic.name),
    });
    const confirmed = this.subscriber.subscribe(this.#store.channel(topic), (message) => {
      if (live.accepts()) live.receive(eventOf(message));
    });
    const listening = { live, confirmed };
    this.#topics.set(topic.name, listening);
    return listening;
  }

  /**
   * Reads events that may be delivered at once. Commands and messages use different connections: an event that was
   * published after a session ended could be read here before the revocation arrives, so all messages sent until then
   * are received first.
   */
  async #read(topic: Topic, options: ReadOptions): Promise<TopicReading> {
    for (;;) {
      await this.gate.opened();
      const reading = await this.#store.read(topic, options);
      if (reading.events.length === 0) return reading;
      await this.subscriber.fence();
      if (this.gate.isOpen) return reading;
    }
  }

  #abandon(name: string): void {
    const listening = this.#topics.get(name);
    this.#topics.delete(name);
    // A subscription that was never confirmed does not need to be ended.
    listening?.confirmed.then(
      (leave) => leave(),
      () => {},
    );
  }

  *#liveTopics(): Generator<LiveTopic> {
    for (const { live } of this.#topics.values()) yield live;
  }
}
