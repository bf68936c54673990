import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { Counter, Gauge, Histogram } from 'prom-client';
import { LOGGER } from '../logging/logger.js';
import { StoreConnectionMetrics, type StoreConnections } from './store-connections.js';
import type { StoreOperation } from './store-operation.js';
import { MetricsRegistry } from '../metrics-registry.js';

/** A store's state: `ok`, `unavailable`, or `refuses-writes`: it answers, but it is full, read-only, or its disk fails. */
export type StoreState = 'ok' | 'unavailable' | 'refuses-writes';

/** In seconds: a store in the same network answers within a millisecond; after 2 to 5 s a command has failed. */
const DURATION_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** The most reasons that the counter distinguishes per store; further ones count as `other`. */
const MAX_REASONS = 50;

/** The metrics of all stores. The same metrics for each, so that one alert covers all. */
@Injectable()
export class StoreMetrics {
  readonly #up: Gauge<'store'>;
  readonly #failures: Counter<'store' | 'reason'>;
  readonly #seconds: Histogram<'store' | 'operation'>;
  readonly #connections: StoreConnectionMetrics;

  constructor(
    registry: MetricsRegistry,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    const registers = [registry];
    this.#up = new Gauge({
      name: 'sallyport_store_up',
      help: '1 while the store answers and takes writes, else 0.',
      labelNames: ['store'],
      aggregator: 'min',
      registers,
    });
    this.#failures = new Counter({
      name: 'sallyport_store_failures_total',
      help: 'Commands and queries that a store did not carry out, by reason.',
      labelNames: ['store', 'reason'],
      registers,
    });
    this.#seconds = new Histogram({
      name: 'sallyport_store_command_duration_seconds',
      help: 'From sending a command or query to its answer or failure, by store and by what it is for.',
      labelNames: ['store', 'operation'],
      buckets: DURATION_BUCKETS,
      registers,
    });
    this.#connections = new StoreConnectionMetrics(registry);
  }

  /**
   * Starts to track a store, which counts as up until it fails.
   *
   * @param store its label in metrics, such as `redis`
   * @param title its name in log lines, such as `Redis`
   * @param address host and port for log lines, never a user or a password
   */
  watch(store: string, title: string, address: string): StoreHealth {
    const reasons = new Set<string>();
    const show = (isUp: boolean): void => this.#up.set({ store }, isUp ? 1 : 0);
    const count = (reason: string): void => {
      const known = reasons.has(reason) || reasons.size < MAX_REASONS;
      if (known) reasons.add(reason);
      this.#failures.inc({ store, reason: known ? reason : 'other' });
    };
    const timers = new Map<StoreOperation, TookListener>();
    const took = (operation: StoreOperation, seconds: number): void => {
      // Resolving labels costs more than the rest, and this is called for each publication.
      let timer = timers.get(operation);
      if (!timer) timers.set(operation, (timer = this.#seconds.labels(store, operation)));
      timer.observe(seconds);
    };
    const connections = (read: () => StoreConnections): void => this.#connections.watch(store, read);
    return new StoreHealth({ title, address, show, count, took, connections }, this.logger);
  }
}

/** Records durations in seconds. */
interface TookListener {
  observe(seconds: number): void;
}

/**
 * Reasons that end only when someone corrects them: a refused sign-in, database or certificate, in the codes of Redis,
 * PostgreSQL and Node.
 */
const REFUSED_CONNECTION =
  /^(?:WRONGPASS|NOAUTH|NOPERM|NODATABASE|28\w{3}|3D000|42501|55000|\w*CERT\w*|ERR_TLS_\w+|UNABLE_TO_\w+)$/;

/** Receives one store's health. */
interface StoreListener {
  readonly title: string;
  readonly address: string;
  readonly show: (isUp: boolean) => void;
  readonly count: (reason: string) => void;
  readonly took: (operation: StoreOperation, seconds: number) => void;
  readonly connections: (read: () => StoreConnections) => void;
}

/**
 * The state of one store. Each change is logged once with its reason and shown in `/metrics`, and so is each reason for
 * which an unavailable store refuses connections; each failure is counted.
 */
export class StoreHealth {
  #state: StoreState = 'ok';
  /** The reasons that were logged since it became unavailable. */
  readonly #told = new Set<string>();
  readonly #listener: StoreListener;
  readonly #logger: Logger;

  /** Made by {@link StoreMetrics.watch}. */
  constructor(listener: StoreListener, logger: Logger) {
    this.#listener = listener;
    this.#logger = logger;
    listener.show(true);
  }

  get state(): StoreState {
    return this.#state;
  }

  /** Counts a failed command. It does not change the state, since a single timeout says little about the store. */
  failed(reason: string): void {
    this.#listener.count(reason);
  }

  /** A command was answered or has failed. @param startedAtMs on the monotonic clock */
  took(operation: StoreOperation, startedAtMs: number): void {
    this.#listener.took(operation, (performance.now() - startedAtMs) / 1000);
  }

  /** Shows the store's connections, read when metrics are collected. Called once. */
  showConnections(read: () => StoreConnections): void {
    this.#listener.connections(read);
  }

  /** The store is unavailable: its connection broke, or it does not answer. */
  becameUnavailable(reason: string): void {
    const { title, address } = this.#listener;
    if (this.#state !== 'unavailable')
      this.#become('unavailable', reason, `${title} is unavailable: retrying until it is back`);
    else if (REFUSED_CONNECTION.test(reason) && !this.#told.has(reason))
      this.#logger.warn({ address, reason }, `${title} refuses connections: retrying until it accepts them`);
    this.#told.add(reason);
  }

  /** The store answers but refuses writes. */
  refusedWrite(reason: string): void {
    const { title } = this.#listener;
    this.#become('refuses-writes', reason, `${title} refuses writes: trying until it takes them`);
  }

  /** The store has accepted a write. */
  tookWrite(): void {
    if (this.#state === 'ok') return;
    const { title, address } = this.#listener;
    const message = this.#state === 'unavailable' ? `${title} is back` : `${title} takes writes again`;
    this.#state = 'ok';
    this.#told.clear();
    this.#listener.show(true);
    this.#logger.info({ address }, message);
  }

  #become(state: StoreState, reason: string, message: string): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#listener.show(false);
    this.#logger.warn({ address: this.#listener.address, reason }, message);
  }
}

/** The connection to a shared store. */
export interface SharedStoreLink {
  /** The name of the store in metrics, log lines and readiness. */
  readonly name: 'postgres' | 'redis';
  /** Whether a command sent now can succeed. */
  readonly isAvailable: boolean;
  readonly health: StoreHealth;
}

/** Whether the shared store can be reached: for `/readyz`, and for refusing new sockets with "try again later". */
export class SharedStoreHealth {
  /** @param link null if nothing is shared: this process is then the only node */
  constructor(private readonly link: SharedStoreLink | null) {}

  /**
   * True while the store answers and takes writes, and always without a shared store. Cheap: it reads the connection's
   * state.
   */
  isAvailable(): boolean {
    return this.link === null || (this.link.isAvailable && this.link.health.state !== 'refuses-writes');
  }

  /** Which store is shared; null without one. */
  get name(): SharedStoreLink['name'] | null {
    return this.link?.name ?? null;
  }

  /** The store's current state; null without one. A full or read-only store is detected within 5 seconds. */
  get state(): StoreState | null {
    if (!this.link) return null;
    return this.link.isAvailable ? this.link.health.state : 'unavailable';
  }
}
