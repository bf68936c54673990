import type { TopicEvent } from './topic-event.js';
import type { TopicPositions } from './topic-reading.js';
import type { TopicMetrics } from './topic.metrics.js';
import type { Topic } from './topic.js';

/** How often an event of each path is measured, in milliseconds. */
const EVERY_MS = 1_000;

/**
 * Measures the time from publishing to delivery by the store's clock: each second for one live event and for the oldest
 * event of one filled gap, whose publishing times are read from their histories. Every other event costs one check of a
 * flag: after a reconnect many gaps are filled at once, and the store is busy with reading those.
 */
export class LagProbe {
  #isDue = { live: true, filled: true };
  readonly #timer = setInterval(() => (this.#isDue = { live: true, filled: true }), EVERY_MS).unref();

  constructor(
    private readonly store: Omit<TopicPositions, 'differing'>,
    private readonly metrics: TopicMetrics,
  ) {}

  /** Called with each live event. */
  live(topic: Topic, event: TopicEvent): void {
    this.#sample(topic, event, 'live');
  }

  /** Called with the oldest event of a gap. */
  filled(topic: Topic, event: TopicEvent): void {
    this.#sample(topic, event, 'filled');
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #sample(topic: Topic, event: TopicEvent, path: 'live' | 'filled'): void {
    if (!this.#isDue[path]) return;
    this.#isDue[path] = false;
    void this.#measure(topic, event, path);
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
