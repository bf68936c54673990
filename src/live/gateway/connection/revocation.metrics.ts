import { Injectable } from '@nestjs/common';
import { Histogram } from 'prom-client';
import type { Announcement } from '../../sessions/session-revocations.js';
import { MetricsRegistry } from '../../metrics-registry.js';

/** In seconds. A node that missed an announcement detects the revocation within 20 s; that delay is not measured. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
const NODES: readonly Announcement['node'][] = ['own', 'other'];

/** How soon sockets close after the end of their session. */
@Injectable()
export class RevocationMetrics {
  readonly #seconds: Histogram<'node'>;

  constructor(registry: MetricsRegistry) {
    this.#seconds = new Histogram({
      name: 'sallyport_revocation_close_seconds',
      help: 'From the announcement that a session has ended or that tokens were revoked to the close of its sockets on this node, by whether this node or another one announced it.',
      labelNames: ['node'],
      buckets: BUCKETS,
      registers: [registry],
    });
    for (const node of NODES) this.#seconds.zero({ node });
  }

  /** The sockets of one session or viewer were closed just now. Without an announcement the delay is unknown. */
  closed(announcement: Announcement | null): void {
    if (!announcement) return;
    const { node, announcedAtMs } = announcement;
    this.#seconds.observe({ node }, (performance.now() - announcedAtMs) / 1000);
  }
}
