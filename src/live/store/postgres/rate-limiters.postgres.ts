import { type RateLimit, type RateLimiter, RateLimiters } from '../../rate-limit/rate-limiters.js';
import { DeferredSharedLimiter } from '../deferred-shared-limiter.js';
import { BoundedMemoryLimiter, type WindowCount } from '../memory/rate-limiters.memory.js';
import type { PostgresConnection } from './postgres.connection.js';

const NOW_MS = 'floor(extract(epoch from clock_timestamp())::float8 * 1000::float8)::bigint';
/**
 * Adds $2 to what the key $1 has used of its window of $3 ms. "excluded" is the window that starts now. One that would
 * last longer was started before the clock was set back.
 */
const COUNT = `
insert into sallyport.rate_limit as r (key, points, expire) values ($1, $2, ${NOW_MS} + $3::bigint)
on conflict (key) do update set
  points = case when r.expire > excluded.expire - $3::bigint then r.points else 0 end + excluded.points,
  expire = case when r.expire > excluded.expire - $3::bigint then least(r.expire, excluded.expire) else excluded.expire end
returning points as used, greatest(0, expire - ${NOW_MS}) as "leftMs"`;

/**
 * Limits over all nodes, in windows by PostgreSQL's clock. While it is unavailable each node counts separately: refusing
 * every request would lock users out during the outage.
 */
export class PostgresRateLimiters extends RateLimiters {
  constructor(private readonly postgres: PostgresConnection) {
    super();
  }

  override make(limit: RateLimit): RateLimiter {
    const shared = new PostgresLimiter(limit, this.postgres);
    return limit.unshared ? new DeferredSharedLimiter(limit, shared, limit.unshared) : shared;
  }
}

class PostgresLimiter extends BoundedMemoryLimiter {
  constructor(
    limit: RateLimit,
    private readonly postgres: PostgresConnection,
  ) {
    super(limit);
  }

  protected override async count(key: string, points: number): Promise<WindowCount> {
    try {
      const [row] = await this.postgres.run<{ used: number; leftMs: string }>(COUNT, [key, points, this.windowMs]);
      return { used: row!.used, leftMs: Number(row!.leftMs) };
    } catch {
      return super.count(key, points);
    }
  }
}
