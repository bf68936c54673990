import { Injectable } from '@nestjs/common';
import { Histogram } from 'prom-client';
import { MetricsRegistry } from '../../metrics-registry.js';

/** In seconds. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** A GraphQL operation that was answered. */
export interface AnsweredOperation {
  /** `none` if there is no single one in the document. */
  readonly kind: 'query' | 'mutation' | 'subscription' | 'none';
  /** The root field, `several`, or `none` if it was not executed: names of an invalid document may be anything. */
  readonly field: string;
  /** `refused`: invalid or over a limit, and not executed; `failed`: the result has errors. */
  readonly outcome: 'ok' | 'failed' | 'refused';
}

/**
 * How long GraphQL operations take. They are told apart by their kind and root field, of which the schema has few, and
 * not by their name, which clients choose and of which there may be any number.
 */
@Injectable()
export class OperationMetrics {
  readonly #seconds: Histogram<'kind' | 'field' | 'outcome'>;

  constructor(registry: MetricsRegistry) {
    this.#seconds = new Histogram({
      name: 'sallyport_graphql_operation_duration_seconds',
      help: 'GraphQL operations by kind, root field and outcome (ok, failed or refused). Subscriptions: until the store has confirmed them.',
      labelNames: ['kind', 'field', 'outcome'],
      buckets: BUCKETS,
      registers: [registry],
    });
  }

  /** @param startedAtMs on the monotonic clock */
  answered({ kind, field, outcome }: AnsweredOperation, startedAtMs: number): void {
    this.#seconds.observe({ kind, field, outcome }, (performance.now() - startedAtMs) / 1000);
  }
}
