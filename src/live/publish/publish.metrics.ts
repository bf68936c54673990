import { Injectable } from '@nestjs/common';
import { Counter } from 'prom-client';
import { MetricsRegistry } from '../metrics-registry.js';

/**
 * Counts events published with an API key, from the console or by an application, but not by SQL or by this server's
 * feeds.
 */
@Injectable()
export class PublishMetrics {
  readonly #events: Counter<'outcome'>;

  constructor(registry: MetricsRegistry) {
    this.#events = new Counter({
      name: 'sallyport_published_total',
      help: 'Events published with an API key, from the console or by an application: taken, or refused because they were invalid',
      labelNames: ['outcome'],
      registers: [registry],
    });
    this.count(0, 0);
  }

  /** Counts the events of one request. */
  count(taken: number, refused: number): void {
    this.#events.inc({ outcome: 'taken' }, taken);
    this.#events.inc({ outcome: 'refused' }, refused);
  }
}
