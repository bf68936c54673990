import { Injectable } from '@nestjs/common';
import { Counter, Gauge, Histogram } from 'prom-client';
import { MetricsRegistry } from '../metrics-registry.js';

/** In seconds: a millisecond is usual; 30 s is the longest time until an idle topic is compared. */
const LAG_BUCKETS = [0.001, 0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10, 30];

/** The metrics of topics between nodes. */
@Injectable()
export class TopicMetrics {
  readonly #gaps: Counter<'outcome'>;
  readonly #lag: Histogram<'path'>;
  readonly #historyDropped: Counter;
  readonly #keysDropped: Counter;

  constructor(private readonly registry: MetricsRegistry) {
    this.#gaps = new Counter({
      name: 'sallyport_topic_gaps_total',
      help: 'Times that messages of a topic did not reach this node: filled from history, or lost, which closes its sockets with 4413',
      labelNames: ['outcome'],
      registers: [registry],
    });
    // The first of each must be an increase for Prometheus too.
    for (const outcome of ['filled', 'lost'] as const) this.#gaps.inc({ outcome }, 0);
    this.#lag = new Histogram({
      name: 'sallyport_delivery_lag_seconds',
      help: 'From the publishing of an event to its delivery on this node, by the clock of the store: each second of one live event, and of the oldest of one filled gap',
      labelNames: ['path'],
      buckets: LAG_BUCKETS,
      registers: [registry],
    });
    this.#historyDropped = new Counter({
      name: 'sallyport_history_dropped_total',
      help: 'Events that the histories in memory lost before their time, because all together were over MAX_HISTORY_MEBIBYTES',
      registers: [registry],
    });
    this.#keysDropped = new Counter({
      name: 'sallyport_idempotency_keys_dropped_total',
      help: 'Idempotency keys in memory that were forgotten within 5 minutes, because a publisher used too many',
      registers: [registry],
    });
  }

  /** Records how late an event was delivered. */
  lag(path: 'live' | 'filled', seconds: number): void {
    this.#lag.observe({ path }, seconds);
  }

  /** The number of topics with subscribers on this node, read at each scrape. */
  watch(countTopics: () => number): void {
    const gauge: Gauge = new Gauge({
      name: 'sallyport_topics',
      help: 'Topics with subscribers on this node',
      registers: [this.registry],
      collect: () => gauge.set(countTopics()),
    });
  }

  /** The memory of the histories in this process, read at each scrape. */
  watchHistory(countBytes: () => number): void {
    const gauge: Gauge = new Gauge({
      name: 'sallyport_history_bytes',
      help: 'What the histories in memory take, roughly; at most MAX_HISTORY_MEBIBYTES',
      registers: [this.registry],
      collect: () => gauge.set(countBytes()),
    });
  }

  /** Counts events dropped from history at its memory limit. */
  historyDropped(events: number): void {
    this.#historyDropped.inc(events);
  }

  /** Counts an idempotency key dropped at the memory limit. */
  keyDropped(): void {
    this.#keysDropped.inc();
  }

  /** Counts a detected gap. */
  gap(outcome: 'filled' | 'lost'): void {
    this.#gaps.inc({ outcome });
  }
}
