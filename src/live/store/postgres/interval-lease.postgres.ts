import { IntervalLease, minimumGapMs } from '../../leases/interval-lease.js';
import type { PostgresConnection } from './postgres.connection.js';

/** Leases over all nodes of one PostgreSQL, by its clock. */
export class PostgresIntervalLease extends IntervalLease {
  constructor(private readonly postgres: PostgresConnection) {
    super();
  }

  override async take(name: string, intervalMs: number): Promise<boolean> {
    const statement = 'select sallyport.take_lease($1, $2) as taken';
    const [row] = await this.postgres.run<{ taken: boolean }>(statement, [name, minimumGapMs(intervalMs)]);
    return row?.taken === true;
  }
}
