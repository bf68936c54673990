import { Injectable } from '@nestjs/common';
import { Counter, Gauge, Registry } from 'prom-client';

/** What `/metrics` tells of topics between nodes. */
@Injectable()
export class TopicMetrics {
  readonly #gaps: Counter<'outcome'>;

  constructor(private readonly registry: Registry) {
    this.#gaps = new Counter({
      name: 'sallyport_topic_gaps_total',
      help: 'Times that messages of a topic did not reach this node: filled from history, or lost, which closes its sockets with 4413',
      labelNames: ['outcome'],
      registers: [registry],
    });
  }

  /** Shows how many topics have subscribers here, asked at each scrape. */
  watch(countTopics: () => number): void {
    const gauge: Gauge = new Gauge({
      name: 'sallyport_topics',
      help: 'Topics with subscribers on this node',
      registers: [this.registry],
      collect: () => gauge.set(countTopics()),
    });
  }

  /** Counts a gap that was noticed. */
  gap(outcome: 'filled' | 'lost'): void {
    this.#gaps.inc({ outcome });
  }
}
