import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { LOGGER } from '../../live/logging/logger.js';
import type { HttpConnectionEnd, HttpConnections } from './http-connections.js';

/** In seconds. */
const DURATION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'OPTIONS']);
/** How often closed connections are logged, since an attack causes thousands a minute. */
const LOG_AT_MOST_EVERY_MS = 60_000;

/** Metrics and log lines about HTTP connections. */
@Injectable()
export class HttpMetrics {
  readonly #ended: Counter<'reason'>;
  readonly #duration: Histogram<'method' | 'route' | 'status'>;
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
    this.#duration = new Histogram({
      name: 'sallyport_http_request_duration_seconds',
      help: 'From the head of a request to the end of its response, by method, route and class of status.',
      labelNames: ['method', 'route', 'status'],
      buckets: DURATION_BUCKETS,
      registers: [registry],
    });
    // The first of each must be an increase for Prometheus too.
    for (const reason of ['evicted', 'refused'] as const) this.#ended.inc({ reason }, 0);
  }

  /**
   * A request was answered.
   *
   * @param route the route's pattern, so that a path cannot add a label; null where there is none
   * @param ms how long it took
   */
  answered(method: string, route: string | null, status: number, ms: number): void {
    // A literal: spreading half of it takes longer than the library.
    const labels = {
      method: METHODS.has(method) ? method : 'other',
      route: route ?? 'none',
      status: `${Math.floor(status / 100)}xx`,
    };
    this.#duration.observe(labels, ms / 1000);
  }

  /** Starts to report these connections. */
  watch(connections: HttpConnections): void {
    const open: Gauge = new Gauge({
      name: 'sallyport_http_connections',
      help: 'Open connections that speak HTTP on this node, without WebSockets.',
      registers: [this.registry],
      collect: (): void => open.set(connections.size),
    });
  }

  /**
   * A connection was closed for lack of room. Always counted, logged at most once a minute.
   *
   * @param block its address (IPv6: its /64)
   */
  ended(reason: HttpConnectionEnd, block: string): void {
    this.#ended.inc({ reason });
    const nowMs = performance.now();
    if (nowMs - this.#loggedAtMs < LOG_AT_MOST_EVERY_MS) return;
    this.#loggedAtMs = nowMs;
    this.logger.warn(
      { reason, address: block },
      'HTTP connections are closed at the limit: see sallyport_http_connections_ended_total',
    );
  }
}
