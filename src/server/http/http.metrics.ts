import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { Counter, Gauge, Registry } from 'prom-client';
import { LOGGER } from '../../live/logging/logger.js';
import type { HttpConnectionEnd, HttpConnections } from './http-connections.js';

/** How often closed connections are logged, since an attack causes thousands a minute. */
const LOG_AT_MOST_EVERY_MS = 60_000;

/** Metrics and log lines about HTTP connections. */
@Injectable()
export class HttpMetrics {
  readonly #ended: Counter<'reason'>;
  #loggedAtMs = -Infinity;

  constructor(
    private readonly registry: Registry,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.#ended = new Counter({
      name: 'sallyport_http_connections_ended_total',
      help: 'HTTP connections closed at the limit: evicted for a newer one, or refused.',
      labelNames: ['reason'],
      registers: [registry],
    });
    // The first of each must be an increase for Prometheus too.
    for (const reason of ['evicted', 'refused'] as const) this.#ended.inc({ reason }, 0);
  }

  /** Starts to report these connections. */
  watch(connections: HttpConnections): void {
    const open: Gauge = new Gauge({
      name: 'sallyport_http_connections',
      help: 'Open connections that speak HTTP on this node, WebSockets not among them.',
      registers: [this.registry],
      collect: (): void => open.set(connections.size),
    });
  }

  /** A connection was closed for lack of room. Always counted, logged at most once a minute. */
  ended(reason: HttpConnectionEnd, address: string): void {
    this.#ended.inc({ reason });
    const nowMs = performance.now();
    if (nowMs - this.#loggedAtMs < LOG_AT_MOST_EVERY_MS) return;
    this.#loggedAtMs = nowMs;
    this.logger.warn(
      { reason, address },
      'HTTP connections are closed at the limit: see sallyport_http_connections_ended_total',
    );
  }
}
