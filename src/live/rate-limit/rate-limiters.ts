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

/** Every table of limits counts within a minute. */
export const MINUTE = 60;
/** A wider network of IPv6 may do so many times more, the /64 first: it has more people, and one attacker may own it. */
export const NETWORK_FACTORS = [1, 2, 4] as const;

/** The port that makes limiters: over all nodes where the store is shared, else in this process. */
export abstract class RateLimiters {
  abstract make(limit: RateLimit): RateLimiterAbstract;
}

/**
 * The limiters of a table for an address and the networks around it, the narrowest first.
 *
 * @param table how often each thing may be done in a minute by one address
 * @param unshared see {@link RateLimit.unshared}
 */
export function networkLimiters<Name extends string>(
  limiters: RateLimiters,
  table: Readonly<Record<Name, number>>,
  unshared?: Readonly<Record<Name, number>>,
): ReadonlyMap<Name, readonly RateLimiterAbstract[]> {
  const limits = Object.entries(table) as [Name, number][];
  return new Map(
    limits.map(([name, limit]) => {
      const shared = { name, seconds: MINUTE, unshared: unshared?.[name] ?? 0 };
      return [name, NETWORK_FACTORS.map((factor) => limiters.make({ ...shared, points: limit * factor }))];
    }),
  );
}
