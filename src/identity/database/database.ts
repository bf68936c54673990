import { DrizzleQueryError, getTableName, is, sql } from 'drizzle-orm';
import { type PgDatabase, type PgQueryResultHKT, PgTable } from 'drizzle-orm/pg-core';
import { within } from '../../live/deadline.js';
import { UnavailableError } from '../../live/errors/sallyport.errors.js';
import type { StoreHealth, StoreState } from '../../live/store/store-health.js';
import type { StoreOperation } from '../../live/store/store-operation.js';
import {
  databaseFailure,
  type DatabaseFailure,
  failureCode,
  FILLER,
  probeWrite,
  ReadOnlyDatabase,
} from '../../live/store/postgres/postgres-failure.js';
import * as schema from './schema.js';
import { fileURLToPath } from 'node:url';

/** A database that does not answer within this time counts as unavailable, in ms. */
const PROBE_TIMEOUT_MS = 2_000;
const PROBE = `users (id, email, password_hash, created_at) values (gen_random_uuid(), gen_random_uuid(), ${FILLER}, now())`;

/** Drizzle with the schema; the same SQL on PGlite and PostgreSQL. */
export type Orm = PgDatabase<PgQueryResultHKT, typeof schema>;

/** What a database engine provides besides its ORM. */
export interface DatabaseParts {
  /** Ends every connection; queries under way finish first. */
  readonly close: () => Promise<void>;
  /** Runs one transaction; default: with the ORM. */
  readonly transact?: <T>(work: (orm: Orm) => Promise<T>) => Promise<T>;
  /** Notified of failures; default: none. */
  readonly health?: StoreHealth | undefined;
}

/**
 * The only access to the database. Stores run their queries in {@link run} or {@link transaction}, so that an
 * unavailable database is handled in the same way everywhere.
 */
export class Database {
  constructor(
    private readonly orm: Orm,
    private readonly parts: DatabaseParts,
  ) {}

  /**
   * Runs one query, or several that need no transaction.
   *
   * @throws UnavailableError when the database is unavailable, too busy, too slow or refuses writes; other errors
   * without the values of their statement
   */
  run<T>(work: (orm: Orm) => Promise<T>): Promise<T> {
    return this.#watched('query', () => work(this.orm));
  }

  /**
   * Runs queries in a transaction, at READ COMMITTED: lock the rows that a decision depends on. An exception inside
   * rolls it back.
   *
   * @throws UnavailableError when the database is unavailable; nothing was changed
   */
  transaction<T>(work: (orm: Orm) => Promise<T>): Promise<T> {
    const { transact } = this.parts;
    return this.#watched('transaction', () => (transact ? transact(work) : this.orm.transaction(work)));
  }

  /**
   * Whether the database answers and accepts writes; null if its health is not tracked. Does not query the database.
   */
  get state(): StoreState | null {
    return this.parts.health?.state ?? null;
  }

  /**
   * Checks whether the database accepts writes, for readiness and the heartbeat. If it has refused a write, for
   * instance because of a full disk, this tries a write. Never throws.
   *
   * @returns true if it answered within two seconds and accepts writes
   */
  async answers(): Promise<boolean> {
    const { health } = this.parts;
    const probe = this.#watched('heartbeat', () => this.#probe()).then(
      () => true,
      (error: unknown) => {
        if (!(error instanceof UnavailableError)) health?.becameUnavailable(failureCode(error) || 'no answer');
        return false;
      },
    );
    const answer = await within(PROBE_TIMEOUT_MS, probe, 'late');
    if (answer === 'late') health?.becameUnavailable('no answer');
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
    await probeWrite((statement) => this.transaction((orm) => orm.execute(sql.raw(statement))), PROBE);
  }

  async #watched<T>(operation: StoreOperation, work: () => Promise<T>): Promise<T> {
    const startedAtMs = performance.now();
    try {
      return await work();
    } catch (error) {
      const failure = databaseFailure(error);
      if (!failure) throw withoutValues(error);
      this.#reportFailure(failure);
      throw new UnavailableError(undefined, { cause: error });
    } finally {
      this.parts.health?.took(operation, startedAtMs);
    }
  }

  #reportFailure({ kind, reason }: DatabaseFailure): void {
    const { health } = this.parts;
    health?.failed(reason);
    if (kind === 'unavailable') health?.becameUnavailable(reason);
    if (kind === 'refused-write') health?.refusedWrite(reason);
  }
}

/** Drizzle's error repeats the values of its statement, such as password hashes and e-mails, and errors are logged. */
function withoutValues(error: unknown): unknown {
  if (!(error instanceof DrizzleQueryError)) return error;
  return new Error(`Failed query: ${error.query}`, { cause: error.cause });
}

/** The committed migrations; the path works from `src/`, `dist/` and tests. Generated by `npx drizzle-kit generate`. */
export const MIGRATIONS = {
  migrationsFolder: fileURLToPath(new URL('../../../drizzle', import.meta.url)),
};

/** The names of all tables. */
export const TABLES: readonly string[] = Object.values(schema)
  .filter((part) => is(part, PgTable))
  .map((table) => getTableName(table));
