import type { TopicEvent } from './topic-event.js';
import type { TopicPositions } from './topic-reading.js';
import type { TopicMetrics } from './topic.metrics.js';
import type { Topic } from './topic.js';

/** How often a live event is measured, in milliseconds. */
const EVERY_MS = 1_000;

/**
 * Measures the time from publishing to delivery by the store's clock: for one live event a second, whose publishing
 * time is read from its history, and for the oldest event of each filled gap. Every other event costs one check of a
 * flag.
 */
export class LagProbe {
  #isDue = true;
  readonly #timer = setInterval(() => (this.#isDue = true), EVERY_MS).unref();

  constructor(
    private readonly store: Omit<TopicPositions, 'differing'>,
    private readonly metrics: TopicMetrics,
  ) {}

  /** Called with each live event. */
  live(topic: Topic, event: TopicEvent): void {
    if (!this.#isDue) return;
    this.#isDue = false;
    void this.#measure(topic, event, 'live');
  }

  /** Called with the oldest event of a gap. */
  filled(topic: Topic, event: TopicEvent): void {
    void this.#measure(topic, event, 'filled');
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  async #measure(topic: Topic, event: TopicEvent, path: 'live' | 'filled'): Promise<void> {
    const deliveredAtMs = this.store.nowMs;
    try {
      const publishedAtMs = await this.store.publishedAtMs(topic, event.offset);
      if (publishedAtMs !== null) this.metrics.lag(path, Math.max(0, deliveredAtMs - publishedAtMs) / 1000);
    } catch {
      // The store is unavailable, which has its own metric.
    }
  }
}
