import type { Client, QueryResult, QueryResultRow } from 'pg';
import { within } from '../../deadline.js';
import { UnavailableError } from '../../errors/sallyport.errors.js';
import { makeListener, type PostgresPlace } from '../../store/postgres/open-postgres.js';
import { OUTBOX_CHANNEL } from '../../store/postgres/outbox-schema.js';
import { NO_IDLE_LIMIT, notConnected, READABLE_DATES } from '../../store/postgres/postgres-connections.js';
import { databaseFailure } from '../../store/postgres/postgres-failure.js';
import { activeTracer } from '../../tracing/tracer.js';
import type { OpenRanges } from './open-ranges.js';

/** Events of one read. */
const BATCH = 1_000;
const BATCH_BYTES = 8 * 1024 * 1024;
/** A statement that takes longer counts as a lost connection, in milliseconds. */
const SILENCE_MS = 1_500;
/** The same for statements that look at whole tables. */
const LONG_SILENCE_MS = 3_500;
/** How long counting may take, in milliseconds. It is slow among very many rows that PostgreSQL cannot discard yet. */
const COUNT_WITHIN_MS = 1_000;
/** How long rejected events are kept, and at most how many and how many bytes of them. */
const KEEP_REJECTED = '7 days';
const MAX_REJECTED = 10_000;
const MAX_REJECTED_BYTES = 256 * 1024 * 1024;

const NO_TRACES: ReadonlyMap<string, string> = new Map();

/** An event that waits in the outbox. */
export interface OutboxRow {
  /** The number of its commit. */
  readonly seq: number;
  readonly id: string;
  readonly topic: string;
  readonly viewer: string;
  /** JSON. */
  readonly payload: string;
  readonly key: string | null;
  readonly createdAt: Date;
  /** The `traceparent` that its transaction has set; null for none, and while this process records no traces. */
  readonly trace: string | null;
}

/** What one read has found. */
export interface OutboxRead {
  /**
   * In the order in which they are to be published, none twice. A commit that does not fit is left for the next read,
   * except for one that fits into none.
   */
  readonly rows: readonly OutboxRow[];
  /** Whether there are more after these. */
  readonly isCut: boolean;
  /** Transactions with lower ids had ended before this read. */
  readonly horizon: number;
}

/** An event that is not published, and why. */
export interface RefusedRow {
  readonly id: string;
  readonly reason: string;
}

/** The outcome of events. */
export interface Settlement {
  /** Published, and not yet removed by the store itself. */
  readonly published: readonly string[];
  readonly refused: readonly RefusedRow[];
  /** Commits without any more events. */
  readonly commits: readonly number[];
}

/** How many events wait. */
export interface WaitingEvents {
  readonly waiting: number;
  readonly oldestSeconds: number;
}

type Row = [
  seq: string | null,
  id: string,
  topic: string,
  viewer: string,
  payload: string,
  key: string | null,
  createdAt: Date,
  isCut: boolean | null,
  horizon: string,
];

/**
 * The outbox on one connection, which listens for notifications and holds the locks of the relay: they end with it.
 * Every method rejects when the connection is lost; open another one then.
 */
export class Outbox {
  #last: Promise<unknown> = Promise.resolve();

  private constructor(private readonly client: Client) {}

  /**
   * Connects.
   *
   * @param notified called when an event was published while no relay was awake, and when the connection ends
   * @throws what the connection failed with
   */
  static async connect(place: PostgresPlace, notified: () => void): Promise<Outbox> {
    const client = makeListener(place, 'sallyport-outbox');
    client.on('notification', notified);
    client.on('end', notified);
    try {
      await client.connect().catch(notConnected);
      // What is removed was published: after a crash of PostgreSQL it is recognised by its keys.
      await client.query(NO_IDLE_LIMIT);
      await client.query(`${READABLE_DATES}; set synchronous_commit = off; listen ${OUTBOX_CHANNEL}`);
    } catch (error) {
      client.end().catch(() => {});
      throw error;
    }
    return new Outbox(client);
  }

  /** Whether this node is the active relay, or has just become it. A relay that no longer responds is disconnected. */
  async lead(): Promise<boolean> {
    const [row] = await this.#ask<{ leads: boolean }>('select sallyport.lead_outbox() as leads');
    return row?.leads ?? false;
  }

  /** Shows that this process is alive, while it waits for something else. */
  async beat(): Promise<void> {
    await this.#ask('select 1');
  }

  /** Asks publishers not to notify, because {@link read} is called continuously. False if that was not possible. */
  async stayAwake(): Promise<boolean> {
    const [row] = await this.#ask<{ awake: boolean }>('select sallyport.outbox_awake() as awake');
    return row?.awake ?? false;
  }

  /** Asks publishers to notify again. What is published at this moment may come without a notification. */
  async goToSleep(): Promise<void> {
    await this.#ask('select sallyport.outbox_asleep()');
  }

  /** The oldest events of these ranges. */
  async read(ranges: OpenRanges): Promise<OutboxRead> {
    const { resume } = ranges;
    const values = [ranges.lows, ranges.highs, resume.seq, resume.id, BATCH, BATCH_BYTES];
    const text = 'select * from sallyport.read_outbox($1, $2, $3, $4, $5, $6)';
    const query = { name: 'read-outbox', text, values, rowMode: 'array' } as const;
    const result = await this.#inTurn(SILENCE_MS, () => this.client.query<Row>(query));
    const traces = await this.#traces(result.rows);
    const seen = new Set<string>();
    const rows = result.rows.flatMap(([seq, id, topic, viewer, payload, key, createdAt]) => {
      if (seq === null || seen.has(id)) return [];
      seen.add(id);
      return [{ seq: Number(seq), id, topic, viewer, payload, key, createdAt, trace: traces.get(id) ?? null }];
    });
    const isCut = result.rows[0]?.[7] ?? false;
    return { rows: isCut ? wholeCommits(rows) : rows, isCut, horizon: Number(result.rows[0]?.[8] ?? 0) };
  }

  /** Records the outcome of events. Returns how many this call rejected. */
  async settle({ published, refused, commits }: Settlement): Promise<number> {
    const [row] = await this.#ask<{ rejected: number }>(
      'select sallyport.settle_outbox($1, $2, $3, $4) as rejected',
      [published, refused.map(({ id }) => id), refused.map(({ reason }) => reason), commits],
      LONG_SILENCE_MS,
    );
    return row?.rejected ?? 0;
  }

  /** A new transaction id, higher than that of every transaction that has a number already. */
  async newTransactionId(): Promise<number> {
    const [row] = await this.#ask<{ xid: string }>('select pg_current_xact_id()::text as xid');
    return Number(row?.xid);
  }

  /**
   * The lowest number of a commit that a relay may still have to look for, as it was last recorded. 1 if the numbers have
   * started over since then: a logical replica and some restores have this database's tables, but not its sequences.
   */
  async first(): Promise<number> {
    const [row] = await this.#ask<{ seq: string }>(
      `select s.seq from sallyport.outbox_start s, sallyport.outbox_commit_seq q
       where s.seq <= q.last_value + q.is_called::int`,
    );
    return Number(row?.seq ?? 1);
  }

  /** Records {@link first} for the next relay. */
  async recordFirst(seq: number): Promise<void> {
    await this.#ask('update sallyport.outbox_start set seq = $1', [seq]);
  }

  /** Repairs what a crash left behind. Slow while many events wait. */
  async tidy(): Promise<void> {
    await this.#ask('select sallyport.tidy_outbox()', [], LONG_SILENCE_MS);
  }

  /** Removes old rejected events. */
  async sweepRejected(): Promise<void> {
    const values = [KEEP_REJECTED, MAX_REJECTED, MAX_REJECTED_BYTES];
    await this.#ask('select sallyport.sweep_rejected($1, $2, $3)', values, LONG_SILENCE_MS);
  }

  /** How many events wait; null where counting takes longer than a second. */
  async countWaiting(): Promise<WaitingEvents | null> {
    // Both in one message are one transaction, with which the limit ends.
    const text = `set local statement_timeout = ${COUNT_WITHIN_MS}; select waiting, oldest_seconds from sallyport.outbox_backlog()`;
    try {
      const results: unknown = await this.#inTurn(LONG_SILENCE_MS, () => this.client.query(text));
      const [, counted] = results as [unknown, QueryResult<{ waiting: string; oldest_seconds: number }>];
      const [row] = counted.rows;
      return { waiting: Number(row?.waiting ?? 0), oldestSeconds: row?.oldest_seconds ?? 0 };
    } catch (error) {
      if (databaseFailure(error)?.kind === 'late') return null;
      throw error;
    }
  }

  /** Releases the locks. Does nothing on a lost connection. */
  async close(): Promise<void> {
    await within(SILENCE_MS, this.client.end(), undefined).catch(() => {});
  }

  async #ask<T extends QueryResultRow>(text: string, values: unknown[] = [], limitMs = SILENCE_MS): Promise<T[]> {
    return (await this.#inTurn(limitMs, () => this.client.query<T>(text, values))).rows;
  }

  /** The traces of these events. Asked for only where they are recorded. */
  async #traces(rows: readonly Row[]): Promise<ReadonlyMap<string, string>> {
    const ids = activeTracer() ? rows.flatMap(([seq, id]) => (seq === null ? [] : [id])) : [];
    if (ids.length === 0) return NO_TRACES;
    const found = await this.#ask<{ id: string; trace: string }>('select * from sallyport.outbox_traces($1)', [ids]);
    return new Map(found.map(({ id, trace }) => [id, trace]));
  }

  /** A connection has one statement at a time. The limit begins when it is sent. */
  async #inTurn<T>(limitMs: number, query: () => Promise<T>): Promise<T> {
    const asked = this.#last.then(() => within(limitMs, query(), null));
    this.#last = asked.catch(() => {});
    const result = await asked;
    if (result !== null) return result;
    this.client.end().catch(() => {});
    throw new UnavailableError('The database did not answer in time.');
  }
}

/** Without the last commit, of which there may be more; all if there is no other. */
function wholeCommits(rows: readonly OutboxRow[]): readonly OutboxRow[] {
  const last = rows.at(-1)?.seq;
  const whole = rows.filter(({ seq }) => seq !== last);
  return whole.length > 0 ? whole : rows;
}
