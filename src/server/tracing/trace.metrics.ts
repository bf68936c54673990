import { Counter, type Registry } from 'prom-client';

/** Counts what became of spans. */
export class TraceMetrics {
  readonly #spans: Counter<'outcome'>;

  constructor(registry: Registry) {
    this.#spans = new Counter({
      name: 'sallyport_trace_spans_total',
      help: 'Sampled spans: sent, failed when they were sent, or dropped because too many waited.',
      labelNames: ['outcome'],
      registers: [registry],
    });
    // The first of each must be an increase for Prometheus too.
    for (const outcome of ['sent', 'failed', 'dropped'] as const) this.#spans.inc({ outcome }, 0);
  }

  /** Counts spans. */
  count(outcome: 'sent' | 'failed' | 'dropped', spans: number): void {
    this.#spans.inc({ outcome }, spans);
  }
}
