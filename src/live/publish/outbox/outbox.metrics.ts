import { Counter, Gauge, type Registry } from 'prom-client';
import type { WaitingEvents } from './outbox.js';

/** The outcome of an event of the outbox. */
export type RelayOutcome = 'published' | 'duplicate' | 'rejected';

/** The metrics of publishing by SQL. */
export class OutboxMetrics {
  readonly #events: Counter<'outcome'>;
  readonly #waiting: Gauge;
  readonly #oldest: Gauge;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#events = new Counter({
      name: 'sallyport_outbox_events_total',
      help: 'Events published by SQL that this node has passed on, recognised by their key, or rejected.',
      labelNames: ['outcome'],
      registers,
    });
    for (const outcome of ['published', 'duplicate', 'rejected'] as const) this.#events.inc({ outcome }, 0);
    this.#waiting = new Gauge({
      name: 'sallyport_outbox_waiting',
      help: 'Events published by SQL that wait to be passed on, over all nodes; at most 100000. Measured every 10 s where that takes less than 1 s.',
      aggregator: 'max',
      registers,
    });
    this.#oldest = new Gauge({
      name: 'sallyport_outbox_oldest_seconds',
      help: 'How long the oldest of these events has waited, in seconds. Measured every 10 s where that takes less than 1 s.',
      aggregator: 'max',
      registers,
    });
  }

  count(outcome: RelayOutcome, events: number): void {
    if (events > 0) this.#events.inc({ outcome }, events);
  }

  show({ waiting, oldestSeconds }: WaitingEvents): void {
    this.#waiting.set(waiting);
    this.#oldest.set(oldestSeconds);
  }
}
