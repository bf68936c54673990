import { type RateLimiterAbstract, RateLimiterPostgres } from 'rate-limiter-flexible';
import { type RateLimit, RateLimiters } from '../../rate-limit/rate-limiters.js';
import { DeferredSharedLimiter } from '../deferred-shared-limiter.js';
import { BoundedMemoryLimiter } from '../memory/rate-limiters.memory.js';
import type { PostgresConnection, SqlValue } from './postgres.connection.js';

/** What the limiters ask of a pool. */
interface LimiterQuery {
  readonly text: string;
  readonly values: readonly SqlValue[];
}

/**
 * Limits over all nodes. While PostgreSQL is unavailable each node counts separately: refusing every request would lock
 * users out during the outage. Windows are timed by the nodes' clocks.
 */
export class PostgresRateLimiters extends RateLimiters {
  constructor(private readonly postgres: PostgresConnection) {
    super();
  }

  override make({ name, points, seconds, unshared = 0 }: RateLimit): RateLimiterAbstract {
    const options = { keyPrefix: `sallyport:throttle:${name}`, points, duration: seconds };
    const shared = new RateLimiterPostgres({
      ...options,
      // Without the names that it gives its statements: a pooler in transaction mode may not know them.
      storeClient: { query: ({ text, values }: LimiterQuery) => this.postgres.query(text, values) },
      storeType: 'pool',
      schemaName: 'sallyport',
      tableName: 'rate_limit',
      tableCreated: true,
      clearExpiredByTimeout: false,
      insuranceLimiter: new BoundedMemoryLimiter(options),
    });
    return unshared > 0 ? new DeferredSharedLimiter(options, shared, unshared) : shared;
  }
}
