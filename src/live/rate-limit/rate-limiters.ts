import type { RateLimiterAbstract } from 'rate-limiter-flexible';

/** What a limiter counts. */
export interface RateLimit {
  /** Part of every key; another name counts apart. */
  readonly name: string;
  /** How often a key may be consumed within {@link seconds}, from the first time on. */
  readonly points: number;
  readonly seconds: number;
  /** How many of a key each node counts by itself before it tells the others. Default 0: it tells of each one. */
  readonly unshared?: number;
}

/** The port that makes limiters: over all nodes where the store is shared, else in this process. */
export abstract class RateLimiters {
  abstract make(limit: RateLimit): RateLimiterAbstract;
}
