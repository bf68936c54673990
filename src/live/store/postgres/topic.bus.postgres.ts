import type { BeforeApplicationShutdown } from '@nestjs/common';
import { parseCursor } from '../../topics/cursor.js';
import type { DeliveryGate } from '../../topics/delivery-gate.js';
import { GapDetector } from '../../topics/gap-detector.js';
import { LagProbe } from '../../topics/lag-probe.js';
import { LiveTopic, TopicSubscriber } from '../../topics/live-topic.js';
import { TopicEvent } from '../../topics/topic-event.js';
import type { TopicMetrics } from '../../topics/topic.metrics.js';
import type { ReadOptions, TopicReading } from '../../topics/topic-reading.js';
import type { Topic } from '../../topics/topic.js';
import {
  type HistoryPage,
  type HistoryRange,
  type Publication,
  type PublishOutcome,
  TopicBus,
  type TopicSink,
  type TopicSubscription,
} from '../../topics/topic.bus.js';
import type { EventLog, LogEntry } from './event-log.js';
import type { PostgresConnection } from './postgres.connection.js';
import { PublishQueue } from './publish-queue.js';
import { TopicStore } from './topic-store.js';

/**
 * The bus of many nodes on one PostgreSQL. Each node reads the log of all topics and passes on the events of those that
 * have subscribers here. Subscribing: the topic is registered, then its history is read, then both are merged by offset.
 */
export class PostgresTopicBus extends TopicBus implements BeforeApplicationShutdown {
  readonly #topics = new Map<string, LiveTopic>();
  readonly #store: TopicStore;
  readonly #queue: PublishQueue;
  readonly #watch: GapDetector;
  readonly #lag: LagProbe;
  readonly #leaveLog: () => void;

  constructor(
    postgres: PostgresConnection,
    private readonly log: EventLog,
    private readonly gate: DeliveryGate,
    private readonly metrics: TopicMetrics,
  ) {
    super();
    metrics.watch(() => this.#topics.size);
    this.#store = new TopicStore(postgres);
    this.#queue = new PublishQueue((batch) => this.#store.publish(batch));
    this.#lag = new LagProbe(this.#store, metrics);
    this.#watch = new GapDetector(
      this.#store,
      () => this.#topics.values(),
      () => this.#topics.size,
    );
    this.#leaveLog = log.follow((entry) => this.#hear(entry));
    gate.onOpened(() => void this.#watch.compareAll());
  }

  override publish(publications: readonly Publication[]): Promise<readonly PublishOutcome[]> {
    return this.#queue.publish(publications);
  }

  override async subscribe(topic: Topic, sink: TopicSink, resume?: unknown): Promise<TopicSubscription> {
    const live = this.#live(topic);
    const member = new TopicSubscriber(sink);
    live.admit(member);
    try {
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
    this.#leaveLog();
  }

  #hear({ name, epoch, offset, payload }: LogEntry): void {
    const live = this.#topics.get(name);
    if (live?.accepts()) live.receive(new TopicEvent(epoch, offset, JSON.parse(payload)));
  }

  #live(topic: Topic): LiveTopic {
    const known = this.#topics.get(topic.name);
    if (known) return known;
    const live = new LiveTopic(topic, {
      mayDeliver: () => this.gate.isOpen,
      heard: (event) => this.#lag.live(topic, event),
      filled: (event) => this.#lag.filled(topic, event),
      read: (since) => this.#read(topic, { since, otherwise: 'nothing' }),
      noticed: (outcome) => this.metrics.gap(outcome),
      forgotten: () => void this.#watch.compareAll(),
      abandoned: () => void this.#topics.delete(topic.name),
    });
    this.#topics.set(topic.name, live);
    return live;
  }

  /**
   * Reads events that may be delivered at once. An event that was published after a session ended could be read here
   * before the log tells of that end, so the log is read up to the same moment first.
   */
  async #read(topic: Topic, options: ReadOptions): Promise<TopicReading> {
    for (;;) {
      await this.gate.opened();
      const reading = await this.#store.read(topic, options);
      if (reading.events.length === 0) return reading;
      await this.log.reached(reading.logHead);
      if (this.gate.isOpen) return reading;
    }
  }
}
