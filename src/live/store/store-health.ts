import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { Counter, Gauge, Registry } from 'prom-client';
import { LOGGER } from '../logging/logger.js';

/** What a store can do right now: everything, nothing, or only be read (full, read-only, failing disk). */
export type StoreState = 'ok' | 'unavailable' | 'refuses-writes';

/** Reasons that the counter keeps apart, for each store; more of them count as `other`. */
const MAX_REASONS = 50;

/** What `/metrics` tells of the stores. One set of metrics for all of them, so that one alert covers each. */
@Injectable()
export class StoreMetrics {
  readonly #up: Gauge<'store'>;
  readonly #failures: Counter<'store' | 'reason'>;

  constructor(
    registry: Registry,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    const registers = [registry];
    this.#up = new Gauge({
      name: 'sallyport_store_up',
      help: '1 while the store answers and takes writes, else 0.',
      labelNames: ['store'],
      registers,
    });
    this.#failures = new Counter({
      name: 'sallyport_store_failures_total',
      help: 'Commands and queries that a store did not carry out, by reason.',
      labelNames: ['store', 'reason'],
      registers,
    });
  }

  /**
   * Starts to watch a store, which counts as up until it fails.
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
    return new StoreHealth({ title, address, show, count }, this.logger);
  }
}

/** Where one store's health is told. */
interface StoreTold {
  readonly title: string;
  readonly address: string;
  readonly show: (isUp: boolean) => void;
  readonly count: (reason: string) => void;
}

/** What one store is like. Each change is logged once with its reason and shown in `/metrics`; each failure is counted. */
export class StoreHealth {
  #state: StoreState = 'ok';
  readonly #told: StoreTold;
  readonly #logger: Logger;

  /** Made by {@link StoreMetrics.watch}. */
  constructor(told: StoreTold, logger: Logger) {
    this.#told = told;
    this.#logger = logger;
    told.show(true);
  }

  get state(): StoreState {
    return this.#state;
  }

  /** Counts a command that was not carried out. Changes no state: one command that was too late says little of its store. */
  failed(reason: string): void {
    this.#told.count(reason);
  }

  /** The store is unavailable: its connection broke, or it does not answer. */
  wentAway(reason: string): void {
    const { title } = this.#told;
    this.#become('unavailable', reason, `${title} is away: trying until it is back`);
  }

  /** The store answers and does not take writes. */
  refusedWrite(reason: string): void {
    const { title } = this.#told;
    this.#become('refuses-writes', reason, `${title} refuses writes: trying until it takes them`);
  }

  /** The store has taken a write. */
  tookWrite(): void {
    if (this.#state === 'ok') return;
    const { title, address } = this.#told;
    const message = this.#state === 'unavailable' ? `${title} is back` : `${title} takes writes again`;
    this.#state = 'ok';
    this.#told.show(true);
    this.#logger.info({ address }, message);
  }

  #become(state: StoreState, reason: string, message: string): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#told.show(false);
    this.#logger.warn({ address: this.#told.address, reason }, message);
  }
}

/** The connection to a store that nodes share. */
export interface SharedStoreLink {
  /** Whether a command sent now has a chance. */
  readonly isAvailable: boolean;
  readonly health: StoreHealth;
}

/** Whether what nodes share can be reached: for `/readyz`, and for refusing new sockets with "try again later". */
export class SharedStoreHealth {
  /** @param link null where nothing is shared: this process is then the only node */
  constructor(private readonly link: SharedStoreLink | null) {}

  /** True while the store answers, and always where there is none to ask. Costs nothing: it looks at the connection's state. */
  isAvailable(): boolean {
    return this.link?.isAvailable ?? true;
  }

  /** What the store can do right now; null where there is none. One that is full or read-only is noticed within 5 seconds. */
  get state(): StoreState | null {
    if (!this.link) return null;
    return this.link.isAvailable ? this.link.health.state : 'unavailable';
  }
}
