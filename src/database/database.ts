import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core';
import { UnavailableError } from '../errors/sallyport.errors.js';
import { isDatabaseAway } from './database-away.js';
import type * as schema from './schema.js';

/** Drizzle over the one schema; the same SQL on PGlite and PostgreSQL. */
export type Orm = PgDatabase<PgQueryResultHKT, typeof schema>;

/**
 * The one door to rows. Stores take it and write their queries in {@link run} or {@link transaction},
 * so that a database that is away looks the same everywhere.
 */
export class Database {
  constructor(
    private readonly orm: Orm,
    private readonly shutDown: () => Promise<void>,
  ) {}

  /**
   * Runs one query, or several that need not stand or fall together.
   *
   * @throws UnavailableError when the database is away, too busy or too slow; anything else as it comes
   */
  async run<T>(work: (orm: Orm) => Promise<T>): Promise<T> {
    try {
      return await work(this.orm);
    } catch (error) {
      throw isDatabaseAway(error) ? new UnavailableError(undefined, { cause: error }) : error;
    }
  }

  /**
   * Runs queries that stand or fall together, at READ COMMITTED: lock the rows that a decision rests on.
   * A throw inside undoes everything.
   *
   * @throws UnavailableError when the database is away; nothing was then half-done
   */
  transaction<T>(work: (orm: Orm) => Promise<T>): Promise<T> {
    return this.run((orm) => orm.transaction(work));
  }

  /** Whether the database answers, for readiness. Never throws. */
  async answers(): Promise<boolean> {
    try {
      await this.orm.execute('select 1');
      return true;
    } catch {
      return false;
    }
  }

  /** Ends every connection; queries under way finish first. */
  close(): Promise<void> {
    return this.shutDown();
  }
}
