import type { QueryResult, QueryResultRow } from 'pg';
import { UnavailableError } from '../../errors/sallyport.errors.js';
import type { StoreHealth } from '../store-health.js';
import type { PostgresLink } from './open-postgres.js';
import { databaseFailure, FILLER, probeWrite } from './postgres-failure.js';
import { operationOf } from './query-operation.js';

/** How often PostgreSQL is asked for its time and whether it takes writes, in milliseconds. */
const HEARTBEAT_MS = 5_000;
/** The same while it does not. */
const RETRY_MS = 1_000;
const BEAT = `select extract(epoch from clock_timestamp())::float8 * 1000::float8 as now, current_setting('transaction_read_only') as "readOnly"`;

const PROBE = `sallyport.guess values (-1, gen_random_uuid(), 0, 0, 0, to_jsonb(${FILLER}))`;

/** A value of a query. */
export type SqlValue = string | number | boolean | null | Date | readonly (string | number | null)[];

/**
 * The connections for queries. While PostgreSQL is unavailable, or takes longer than 4 seconds, queries reject with
 * `UnavailableError`; none are retried.
 */
export class PostgresConnection {
  #heartbeat: NodeJS.Timeout | undefined;
  #clockAheadMs = 0;
  #isClosed = false;

  constructor(
    readonly link: PostgresLink,
    readonly health: StoreHealth,
  ) {}

  /** Called once at start. @throws UnavailableError when it does not answer */
  async open(): Promise<void> {
    await this.#readClock();
    this.#scheduleBeat();
  }

  /** PostgreSQL's clock, in ms since the epoch, from the last measurement. */
  get nowMs(): number {
    return performance.timeOrigin + performance.now() + this.#clockAheadMs;
  }

  /**
   * Runs one statement; it is its own transaction.
   *
   * @throws UnavailableError when PostgreSQL is unavailable, too slow or refuses writes; it may have run it anyway
   */
  async run<Row extends QueryResultRow>(text: string, values: readonly SqlValue[] = []): Promise<readonly Row[]> {
    return (await this.query<Row>(text, values)).rows;
  }

  /** As {@link run}; returns how many rows were changed. */
  async change(text: string, values: readonly SqlValue[] = []): Promise<number> {
    return (await this.query(text, values)).rowCount ?? 0;
  }

  /** As {@link run}; returns the whole result. */
  async query<Row extends QueryResultRow>(text: string, values: readonly SqlValue[] = []): Promise<QueryResult<Row>> {
    const startedAtMs = performance.now();
    try {
      return await this.link.pool.query<Row>({ text, values: [...values] });
    } catch (error) {
      throw this.#noted(error);
    } finally {
      this.health.took(operationOf(text), startedAtMs);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#heartbeat);
    await this.link.pool.end();
  }

  /** Records why a query failed. Returns what to throw. */
  #noted(error: unknown): unknown {
    const failure = databaseFailure(error);
    if (!failure) return error;
    const { kind, reason } = failure;
    this.health.failed(reason);
    if (kind === 'refused-write') {
      const wasOk = this.health.state === 'ok';
      this.health.refusedWrite(reason);
      if (wasOk) this.#scheduleBeat();
    }
    return new UnavailableError(undefined, { cause: error });
  }

  #scheduleBeat(): void {
    if (this.#isClosed) return;
    clearTimeout(this.#heartbeat);
    const waitMs = this.health.state === 'ok' ? HEARTBEAT_MS : RETRY_MS;
    this.#heartbeat = setTimeout(() => void this.#beat(), waitMs).unref();
  }

  async #beat(): Promise<void> {
    try {
      const isReadOnly = await this.#readClock();
      if (isReadOnly) this.health.refusedWrite('25006');
      else {
        if (this.health.state === 'refuses-writes') await probeWrite((statement) => this.run(statement), PROBE);
        this.health.tookWrite();
      }
    } catch (error) {
      // The log's connection may lead to another server that works. One late answer says little.
      const failure = databaseFailure(error);
      if (failure?.kind === 'unavailable') this.health.becameUnavailable(failure.reason);
    } finally {
      this.#scheduleBeat();
    }
  }

  /** Measures PostgreSQL's clock. Returns whether it is read-only. */
  async #readClock(): Promise<boolean> {
    const sentMs = performance.now();
    const [row] = await this.run<{ now: string; readOnly: string }>(BEAT);
    const halfwayMs = performance.timeOrigin + (sentMs + performance.now()) / 2;
    this.#clockAheadMs = Number(row?.now) - halfwayMs;
    return row?.readOnly === 'on';
  }
}
