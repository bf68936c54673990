import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core';
import { sql } from 'drizzle-orm';
import { within } from '../../live/deadline.js';
import { UnavailableError } from '../../live/errors/sallyport.errors.js';
import type { StoreHealth, StoreState } from '../../live/store/store-health.js';
import { databaseFailure, type DatabaseFailure } from './database-away.js';
import type * as schema from './schema.js';
import { fileURLToPath } from 'node:url';

/** A database that has not answered after so long counts as away, in ms. */
const PATIENCE_MS = 2_000;

/** Drizzle over the one schema; the same SQL on PGlite and PostgreSQL. */
export type Orm = PgDatabase<PgQueryResultHKT, typeof schema>;

/** What a database engine gives beside its ORM. */
export interface DatabaseParts {
  /** Ends every connection; queries under way finish first. */
  readonly close: () => Promise<void>;
  /** Runs one transaction; default: the ORM's own way. */
  readonly transact?: <T>(work: (orm: Orm) => Promise<T>) => Promise<T>;
  /** Is told of failures; default: nobody is. */
  readonly health?: StoreHealth | undefined;
}

/**
 * The only way to rows. Stores take it and write their queries in {@link run} or {@link transaction},
 * so that a database that is away looks the same everywhere.
 */
export class Database {
  constructor(
    private readonly orm: Orm,
    private readonly parts: DatabaseParts,
  ) {}

  /**
   * Runs one query, or several that need not stand or fall together.
   *
   * @throws UnavailableError when the database is unavailable, too busy, too slow or refuses writes; anything else as it comes
   */
  run<T>(work: (orm: Orm) => Promise<T>): Promise<T> {
    return this.#watched(() => work(this.orm));
  }

  /**
   * Runs queries that stand or fall together, at READ COMMITTED: lock the rows that a decision rests on.
   * A throw inside undoes everything.
   *
   * @throws UnavailableError when the database is unavailable; nothing was then half-done
   */
  transaction<T>(work: (orm: Orm) => Promise<T>): Promise<T> {
    const { transact } = this.parts;
    return this.#watched(() => (transact ? transact(work) : this.orm.transaction(work)));
  }

  /** Whether the database answers and takes writes; null where nobody is told. Costs nothing. */
  get state(): StoreState | null {
    return this.parts.health?.state ?? null;
  }

  /**
   * Asks the database whether it takes writes, for readiness and the heartbeat. A database that has refused a write, such as one with a
   * full disk, is given something to write. Never throws.
   *
   * @returns true when it answered within two seconds and takes writes
   */
  async answers(): Promise<boolean> {
    const { health } = this.parts;
    const asking = this.#watched(() => this.#probe()).then(
      () => true,
      () => false,
    );
    const answer = await within(PATIENCE_MS, asking, 'late');
    if (answer === 'late') health?.wentAway('no answer');
    if (answer === true) health?.tookWrite();
    return answer === true;
  }

  /** Ends every connection; queries under way finish first. */
  close(): Promise<void> {
    return this.parts.close();
  }

  async #probe(): Promise<void> {
    const found: unknown = await this.orm.execute(sql`select current_setting('transaction_read_only') as "readOnly"`);
    if ((found as { rows: { readOnly: string }[] }).rows[0]?.readOnly === 'on') throw new ReadOnlyDatabase();
    if (this.state !== 'refuses-writes') return;
    // Rows of a table that vanishes with its transaction need room all the same.
    const write = sql`create temporary table sallyport_probe on commit drop as select repeat('x', 8192) as filler`;
    await this.transaction((orm) => orm.execute(write));
  }

  async #watched<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const failure = databaseFailure(error);
      if (!failure) throw error;
      this.#tell(failure);
      throw new UnavailableError(undefined, { cause: error });
    }
  }

  #tell({ kind, reason }: DatabaseFailure): void {
    const { health } = this.parts;
    health?.failed(reason);
    if (kind === 'away') health?.wentAway(reason);
    if (kind === 'refused-write') health?.refusedWrite(reason);
  }
}

/** What PostgreSQL itself says to a write: read_only_sql_transaction. */
class ReadOnlyDatabase extends Error {
  readonly code = '25006';
}

/** The committed migrations, found alike from `src/`, from `dist/` and under test. Made by `npx drizzle-kit generate`. */
export const MIGRATIONS = {
  migrationsFolder: fileURLToPath(new URL('../../../drizzle', import.meta.url)),
};
