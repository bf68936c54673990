import type { BeforeApplicationShutdown } from '@nestjs/common';
import { parseCursor } from '../topics/cursor.js';
import type { DeliveryGate } from '../topics/delivery-gate.js';
import { GapDetector } from '../topics/gap-detector.js';
import { LagProbe } from '../topics/lag-probe.js';
import { LiveTopic, type LiveTopicHost, TopicSubscriber } from '../topics/live-topic.js';
import type { ReadOptions, TopicPositions, TopicReading } from '../topics/topic-reading.js';
import {
  type HistoryPage,
  type HistoryRange,
  TopicBus,
  type TopicSink,
  type TopicSubscription,
} from '../topics/topic.bus.js';
import type { TopicMetrics } from '../topics/topic.metrics.js';
import type { Topic } from '../topics/topic.js';

/** Where a {@link SharedTopicBus} keeps its topics. Each method throws UnavailableError when the store is unavailable. */
export interface TopicStorage<Reading extends TopicReading> extends TopicPositions {
  /** Reads a topic's position, and what a subscriber gets first. Creates the topic if there is none. */
  read(topic: Topic, options: ReadOptions): Promise<Reading>;
  /** Reads a part of a topic's history, and changes nothing; see `TopicBus.history`. */
  history(topic: Topic, range: HistoryRange): Promise<HistoryPage>;
  /** Removes a topic's position and history. */
  forget(topic: Topic): Promise<void>;
}

/**
 * A bus over many nodes. Subscribing: the store confirms that events will come, then the history is read, then both are
 * merged by offset. Losses are detected by offset, when the gate opens again, and by comparing idle topics with the
 * store.
 */
export abstract class SharedTopicBus<Reading extends TopicReading>
  extends TopicBus
  implements BeforeApplicationShutdown
{
  readonly #topics = new Map<string, LiveTopic>();
  readonly #gaps: GapDetector;
  readonly #lag: LagProbe;
  readonly #host: LiveTopicHost = {
    mayDeliver: () => this.gate.isOpen,
    received: (topic, event) => this.#lag.live(topic, event),
    filled: (topic, event) => this.#lag.filled(topic, event),
    read: (topic, since) => this.#read(topic, { since, otherwise: 'nothing' }),
    gap: (outcome) => this.metrics.gap(outcome),
    epochChanged: () => void this.#gaps.compareAll(),
    emptied: ({ topic }) => {
      this.#topics.delete(topic.name);
      this.ignore(topic);
    },
  };

  constructor(
    private readonly storage: TopicStorage<Reading>,
    private readonly gate: DeliveryGate,
    private readonly metrics: TopicMetrics,
  ) {
    super();
    metrics.watch(() => this.#topics.size);
    this.#lag = new LagProbe(storage, metrics);
    this.#gaps = new GapDetector(
      storage,
      () => this.#topics.values(),
      () => this.#topics.size,
    );
    gate.onOpened(() => void this.#gaps.compareAll());
  }

  /**
   * Called for each subscriber: `live` is to receive the topic's events. Resolves when the store has confirmed that it
   * receives every later one.
   *
   * @throws UnavailableError when the store is unavailable
   */
  protected abstract listen(live: LiveTopic): Promise<void>;

  /** Called when a topic has no subscriber left on this node: its events are no longer needed. */
  protected abstract ignore(topic: Topic): void;

  /**
   * Resolves when this node has received every message that was sent before the reading. Messages and readings come over
   * different connections: an event that was published after a session ended could be read before the revocation arrives.
   */
  protected abstract caughtUpWith(reading: Reading): Promise<void>;

  override async subscribe(topic: Topic, sink: TopicSink, resume?: unknown): Promise<TopicSubscription> {
    const live = this.#topics.get(topic.name) ?? this.#open(topic);
    const subscriber = new TopicSubscriber(live, sink);
    try {
      await this.listen(live);
      const since = resume === undefined ? undefined : parseCursor(resume);
      live.join(subscriber, await this.#read(topic, { since, otherwise: topic.definition.onSubscribe }));
      return subscriber;
    } catch (error) {
      subscriber.end();
      throw error;
    }
  }

  override history(topic: Topic, range: HistoryRange): Promise<HistoryPage> {
    return this.storage.history(topic, range);
  }

  override forget(topic: Topic): Promise<void> {
    return this.storage.forget(topic);
  }

  beforeApplicationShutdown(): void {
    this.#gaps.stop();
    this.#lag.stop();
  }

  /** The topic of this name that has subscribers on this node. */
  protected find(name: string): LiveTopic | undefined {
    return this.#topics.get(name);
  }

  #open(topic: Topic): LiveTopic {
    const live = new LiveTopic(topic, this.#host);
    this.#topics.set(topic.name, live);
    return live;
  }

  /** Reads events that may be delivered at once. */
  async #read(topic: Topic, options: ReadOptions): Promise<TopicReading> {
    for (;;) {
      await this.gate.opened();
      const reading = await this.storage.read(topic, options);
      if (reading.events.length === 0) return reading;
      await this.caughtUpWith(reading);
      if (this.gate.isOpen) return reading;
    }
  }
}
