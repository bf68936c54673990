import { Injectable } from '@nestjs/common';
import { Counter, Gauge, Registry } from 'prom-client';
import { within } from '../../live/deadline.js';

/** How long a scrape waits for the count, in milliseconds: while the database hangs, all other metrics must appear. */
const COUNT_WITHIN_MS = 1000;

/** The metrics of webhooks. */
@Injectable()
export class WebhookMetrics {
  readonly #attempts: Counter<'outcome'>;

  constructor(private readonly registry: Registry) {
    this.#attempts = new Counter({
      name: 'sallyport_webhooks_total',
      help: 'Attempts to deliver a webhook: delivered, failed and tried again later, or given up.',
      labelNames: ['outcome'],
      registers: [registry],
    });
    // The first of each must be an increase for Prometheus too.
    for (const outcome of ['delivered', 'failed', 'given-up'] as const) this.#attempts.inc({ outcome }, 0);
  }

  /** Counts attempts. */
  count(outcome: 'delivered' | 'failed' | 'given-up', attempts: number): void {
    this.#attempts.inc({ outcome }, attempts);
  }

  /** Shows how many messages wait, over all nodes. Called once, and only if webhooks are sent. */
  watch(messages: { waiting(): Promise<number> }): void {
    const gauge: Gauge = new Gauge({
      name: 'sallyport_webhooks_waiting',
      help: 'Webhooks that are not delivered yet, over all nodes.',
      aggregator: 'max',
      registers: [this.registry],
      collect: async () => {
        const waiting = await within(
          COUNT_WITHIN_MS,
          messages.waiting().catch(() => null),
          null,
        );
        if (waiting !== null) gauge.set(waiting);
      },
    });
  }
}
