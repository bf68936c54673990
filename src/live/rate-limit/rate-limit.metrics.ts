import { Counter, type Registry } from 'prom-client';

/** The limits on how often something may happen, and how much at once. docs/operations.md describes each. */
export const LIMIT_NAMES = [
  // Per address: address.rate-limit.ts and failure.rate-limit.ts.
  'login',
  'register',
  'password',
  'token',
  'socket',
  'failedLogin',
  'wrongApiKey',
  'badLogoutToken',
  'wrongConsoleKey',
  // Per viewer: viewer.rate-limit.ts.
  'knownDeviceLogin',
  'customerToken',
  // Wrong passwords in a row for one account.
  'guesses',
  // Events and bytes of one API key, and its requests under way.
  'publish',
  'publishUnderWay',
  // Time for new documents: of one viewer or network, and of all together.
  'documents',
  'documentsOfNode',
  // Sockets: MAX_CONNECTIONS_PER_ADDRESS and MAX_CONNECTIONS_PER_VIEWER.
  'connectionsOfAddress',
  'connectionsOfViewer',
] as const;

/** One of {@link LIMIT_NAMES}. */
export type LimitName = (typeof LIMIT_NAMES)[number];

/** Counts what was refused because of a limit, by limit. */
export class RateLimitMetrics {
  readonly #refused: Counter<'limit'>;
  readonly #watched: { readonly limit: LimitName; readonly read: () => number; shown: number }[] = [];

  constructor(registry: Registry) {
    this.#refused = new Counter({
      name: 'sallyport_rate_limited_total',
      help: 'Attempts that were refused because of a limit, by the limit.',
      labelNames: ['limit'],
      registers: [registry],
      collect: () => this.#readWatched(),
    });
    // The first of each must be an increase for Prometheus too.
    for (const limit of LIMIT_NAMES) this.#refused.inc({ limit }, 0);
  }

  /** Counts one refusal. */
  refused(limit: LimitName): void {
    this.#refused.inc({ limit });
  }

  /** Reads a number of refusals, which only grows, when metrics are collected. */
  watch(limit: LimitName, read: () => number): void {
    this.#watched.push({ limit, read, shown: 0 });
  }

  #readWatched(): void {
    for (const watched of this.#watched) {
      const count = watched.read();
      this.#refused.inc({ limit: watched.limit }, count - watched.shown);
      watched.shown = count;
    }
  }
}
