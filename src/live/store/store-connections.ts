import { Gauge, type Registry } from 'prom-client';

/** The connections to one store. */
export interface StoreConnections {
  /** How many are used for what: `busy` and `idle` of a pool, `commands`, `subscriptions`, `log`. */
  readonly open: Readonly<Record<string, number>>;
  /** Callers that wait for a connection of the pool. */
  readonly waiting?: number;
  /** The most connections of the pool. */
  readonly max?: number;
}

/** A pool of pg, as far as its connections are counted. */
interface CountedPool {
  readonly totalCount: number;
  readonly idleCount: number;
  readonly waitingCount: number;
  readonly options: { readonly max: number };
}

/** The connections of a pool. */
export function poolConnections({ totalCount, idleCount, waitingCount, options }: CountedPool): StoreConnections {
  return { open: { busy: totalCount - idleCount, idle: idleCount }, waiting: waitingCount, max: options.max };
}

/** The metrics of connections to stores. The same for each store, so that one alert covers all. */
export class StoreConnectionMetrics {
  readonly #stores = new Map<string, () => StoreConnections>();

  constructor(registry: Registry) {
    const registers = [registry];
    const open: Gauge<'store' | 'use'> = new Gauge({
      name: 'sallyport_store_connections',
      help: 'Open connections to a store, by use: busy and idle (a pool), commands, subscriptions, log.',
      labelNames: ['store', 'use'],
      registers,
      collect: () => {
        for (const [store, read] of this.#stores)
          for (const [use, count] of Object.entries(read().open)) open.set({ store, use }, count);
      },
    });
    const waiting: Gauge<'store'> = new Gauge({
      name: 'sallyport_store_waiting',
      help: 'Queries that wait for a connection, because all of the pool are busy.',
      labelNames: ['store'],
      registers,
      collect: () => this.#show(waiting, 'waiting'),
    });
    const max: Gauge<'store'> = new Gauge({
      name: 'sallyport_store_connections_max',
      help: 'The most connections of a pool to a store.',
      labelNames: ['store'],
      registers,
      collect: () => this.#show(max, 'max'),
    });
  }

  /** Starts to show a store's connections. */
  watch(store: string, read: () => StoreConnections): void {
    this.#stores.set(store, read);
  }

  #show(gauge: Gauge<'store'>, part: 'waiting' | 'max'): void {
    for (const [store, read] of this.#stores) {
      const value = read()[part];
      if (value !== undefined) gauge.set({ store }, value);
    }
  }
}
