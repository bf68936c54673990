import { Injectable } from '@nestjs/common';
import { Counter, Gauge } from 'prom-client';
import { FeedRegistry } from '../../feeds/feed.registry.js';
import { type AnsweredOperation, OperationMetrics } from './operation.metrics.js';
import { MetricsRegistry } from '../../metrics-registry.js';

/**
 * The subscriptions to one feed on sockets of one authenticator, and the outcomes of those that asked to resume. Plain
 * numbers, so that counting costs nothing.
 */
export interface SubscriptionCount {
  /** The feed's topic name; `none` for a field that is not a feed. */
  readonly feed: string;
  readonly authenticator: string;
  open: number;
  /** Resumes that got every missed event. */
  recovered: number;
  /** Resumes whose events history no longer has, or whose cursor is invalid or of an earlier epoch. */
  notRecovered: number;
  /** Resumes that the store did not answer. */
  failed: number;
}

/** Shows open subscriptions and resumes when metrics are collected. */
@Injectable()
export class SubscriptionMetrics {
  readonly #counts = new Map<string, SubscriptionCount>();

  constructor(
    registry: MetricsRegistry,
    private readonly feeds: FeedRegistry,
    private readonly operations: OperationMetrics,
  ) {
    const open: Gauge<'feed' | 'authenticator'> = new Gauge({
      name: 'sallyport_subscriptions',
      help: 'Open subscriptions on this node, by feed (none: a field that is not a feed) and by the authenticator of their socket.',
      labelNames: ['feed', 'authenticator'],
      registers: [registry],
      collect: () => {
        for (const { feed, authenticator, ...count } of this.#counts.values())
          open.set({ feed, authenticator }, count.open);
      },
    });
    const resumes: Counter<'feed' | 'outcome'> = new Counter({
      name: 'sallyport_resumes_total',
      help: 'Subscriptions that asked to resume from a cursor, by feed: recovered, not-recovered (the client was told to reload), or failed (the store was unavailable).',
      labelNames: ['feed', 'outcome'],
      registers: [registry],
      collect: () => this.#showResumes(resumes),
    });
  }

  /** The numbers to count with. @param feed its topic name; null for a field that is not a feed */
  count(feed: string | null, authenticator: string): SubscriptionCount {
    const key = `${feed} ${authenticator}`;
    let count = this.#counts.get(key);
    if (!count) {
      count = { feed: feed ?? 'none', authenticator, open: 0, recovered: 0, notRecovered: 0, failed: 0 };
      this.#counts.set(key, count);
    }
    return count;
  }

  /**
   * A Subscribe was answered.
   *
   * @param field the subscription field; null if the operation was refused
   * @param startedAtMs on the monotonic clock
   */
  answered(field: string | null, outcome: AnsweredOperation['outcome'], startedAtMs: number): void {
    this.operations.answered({ kind: 'subscription', field: field ?? 'none', outcome }, startedAtMs);
  }

  /** Feeds without a resume are shown with 0, so that the first one is an increase for Prometheus too. */
  #showResumes(resumes: Counter<'feed' | 'outcome'>): void {
    resumes.reset();
    const none = this.feeds.names.map((feed) => ({ feed, recovered: 0, notRecovered: 0, failed: 0 }));
    for (const { feed, recovered, notRecovered, failed } of [...none, ...this.#counts.values()]) {
      resumes.inc({ feed, outcome: 'recovered' }, recovered);
      resumes.inc({ feed, outcome: 'not-recovered' }, notRecovered);
      resumes.inc({ feed, outcome: 'failed' }, failed);
    }
  }
}
