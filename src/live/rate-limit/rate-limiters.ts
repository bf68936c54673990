import type { RateLimiterAbstract } from 'rate-limiter-flexible';

/** What a limiter counts. */
export interface RateLimit {
  /** Part of every key; each name counts separately. */
  readonly name: string;
  /** How often a key may be consumed within {@link seconds}, starting with the first time. */
  readonly points: number;
  readonly seconds: number;
  /** How many of a key each node counts locally before it shares the count. Default 0: every one is shared. */
  readonly unshared?: number;
}

/** What is used of a limiter. `consume` rejects with a RateLimiterRes when the key has no points left. */
export type RateLimiter = Pick<RateLimiterAbstract, 'consume' | 'penalty' | 'reward'>;

/** All tables of limits are per minute. */
export const MINUTE_SECONDS = 60;
/** The factors for wider IPv6 networks, the /64 first: they have more users, but one attacker may own them. */
export const NETWORK_FACTORS = [1, 2, 4] as const;

/** The port that creates limiters: over all nodes if the store is shared, else in this process. */
export abstract class RateLimiters {
  abstract make(limit: RateLimit): RateLimiter;
}

/**
 * The limiters of a table for an address and its wider networks, the narrowest first.
 *
 * @param table how often one address may do each action per minute
 * @param unshared see {@link RateLimit.unshared}
 */
export function networkLimiters<Name extends string>(
  limiters: RateLimiters,
  table: Readonly<Record<Name, number>>,
  unshared?: Readonly<Record<Name, number>>,
): ReadonlyMap<Name, readonly RateLimiter[]> {
  const limits = Object.entries(table) as [Name, number][];
  return new Map(
    limits.map(([name, limit]) => {
      const shared = { name, seconds: MINUTE_SECONDS, unshared: unshared?.[name] ?? 0 };
      return [name, NETWORK_FACTORS.map((factor) => limiters.make({ ...shared, points: limit * factor }))];
    }),
  );
}
