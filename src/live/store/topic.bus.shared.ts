import type { BeforeApplicationShutdown } from '@nestjs/common';
import { parseCursor } from '../topics/cursor.js';
import type { DeliveryGate } from '../topics/delivery-gate.js';
import { GapDetector } from '../topics/gap-detector.js';
import { LagProbe } from '../topics/lag-probe.js';
import { LiveTopic, TopicSubscriber } from '../topics/live-topic.js';
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

/** Where a {@link SharedTopicBus} keeps its topics. Every method throws UnavailableError when the store is unavailable. */
export interface TopicStorage<Reading extends TopicReading> extends TopicPositions {
  /** Reads a topic's position, and what a subscriber gets first. Creates the topic if there is none. */
  read(topic: Topic, options: ReadOptions): Promise<Reading>;
  /** Reads a part of a topic's history, and changes nothing; see `TopicBus.history`. */
  history(topic: Topic, range: HistoryRange): Promise<HistoryPage>;
  /** Removes a topic's position and history. */
  forget(topic: Topic): Promise<void>;
}

/** How a topic's events reach this node. */
export interface Listening {
  /** Settles when the store has confirmed that every later event will be received. */
  readonly confirmed: Promise<unknown>;
  /** Called once, when the topic has no subscriber left. */
  end(): void;
}

interface Listened {
  readonly live: LiveTopic;
  readonly listening: Listening;
}

/**
 * What the buses of many nodes share. Subscribing: the store confirms that events will come, then the history is read,
 * then both are merged by offset. Losses are detected by offset, when the gate opens again, and by comparing idle topics
 * with the store.
 */
export abstract class SharedTopicBus<Reading extends TopicReading>
  extends TopicBus
  implements BeforeApplicationShutdown
{
  readonly #topics = new Map<string, Listened>();
  readonly #gaps: GapDetector;
  readonly #lag: LagProbe;

  /** @param compareBatch topics compared with the store in one command; see {@link GapDetector} */
  constructor(
    private readonly storage: TopicStorage<Reading>,
    private readonly gate: DeliveryGate,
    private readonly metrics: TopicMetrics,
    compareBatch?: number,
  ) {
    super();
    metrics.watch(() => this.#topics.size);
    this.#lag = new LagProbe(storage, metrics);
    this.#gaps = new GapDetector(
      storage,
      () => this.#liveTopics(),
      () => this.#topics.size,
      compareBatch,
    );
    gate.onOpened(() => void this.#gaps.compareAll());
  }

  /** Called for a topic's first subscriber on this node: `live` is to receive the topic's events. */
  protected abstract listen(topic: Topic, live: LiveTopic): Listening;

  /**
   * Resolves when this node has received every message that was sent before the reading. Messages and readings come over
   * different connections: an event that was published after a session ended could be read before the revocation arrives.
   */
  protected abstract caughtUpWith(reading: Reading): Promise<void>;

  override async subscribe(topic: Topic, sink: TopicSink, resume?: unknown): Promise<TopicSubscription> {
    const { live, listening } = this.#topics.get(topic.name) ?? this.#open(topic);
    const member = new TopicSubscriber(sink);
    live.admit(member);
    try {
      await listening.confirmed;
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
    return this.#topics.get(name)?.live;
  }

  #open(topic: Topic): Listened {
    const live = new LiveTopic(topic, {
      mayDeliver: () => this.gate.isOpen,
      heard: (event) => this.#lag.live(topic, event),
      filled: (event) => this.#lag.filled(topic, event),
      read: (since) => this.#read(topic, { since, otherwise: 'nothing' }),
      noticed: (outcome) => this.metrics.gap(outcome),
      forgotten: () => void this.#gaps.compareAll(),
      abandoned: () => this.#close(topic.name),
    });
    const listened = { live, listening: this.listen(topic, live) };
    this.#topics.set(topic.name, listened);
    return listened;
  }

  #close(name: string): void {
    const listened = this.#topics.get(name);
    this.#topics.delete(name);
    listened?.listening.end();
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

  *#liveTopics(): Generator<LiveTopic> {
    for (const { live } of this.#topics.values()) yield live;
  }
}
