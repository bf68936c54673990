import type { Client } from 'pg';
import { within } from '../../deadline.js';
import { UnavailableError } from '../../errors/sallyport.errors.js';
import type { PostgresConnection } from './postgres.connection.js';
import { NO_IDLE_LIMIT } from './postgres-connections.js';
import { databaseFailure } from './postgres-failure.js';
import { EVENT_CHANNEL } from './topic-schema.js';

/** Rows of one read, and the bytes of their payloads after which it ends. */
const BATCH = 1_000;
const BATCH_BYTES = 1024 * 1024;
/** How often the log is read without a notification, in milliseconds; this also detects a dead connection. */
const POLL_MS = 500;
/** A read that takes longer counts as a lost connection, in milliseconds. */
const SILENCE_MS = 1_500;
const READ_LOG = {
  name: 'read-log',
  text: 'select * from sallyport.read_traced_log($1, $2, $3)',
  rowMode: 'array',
} as const;
const FIRST_RETRY_MS = 50;
const MAX_RETRY_MS = 1_000;

/** One row of the log: an event of a topic, or a message to all nodes. */
export interface LogEntry {
  /** The topic's name; '' for a message to all nodes. */
  readonly name: string;
  readonly epoch: string;
  readonly offset: number;
  /** JSON. */
  readonly payload: string;
  /** Of a sampled trace, as a `traceparent`. */
  readonly trace: string | null;
}

/** Receives each entry once, in order. Called synchronously; must not throw. */
export type LogListener = (entry: LogEntry) => void;

/** Notified about the connection to the log. Called synchronously; must not throw. */
interface LinkHooks {
  /** Entries may arrive late from now on. */
  lost(): void;
  /** Entries arrive again. Those in between follow, or must be read elsewhere. */
  restored(): void;
}

type Row = [
  seq: string,
  name: string | null,
  epoch: string | null,
  offset: string,
  payload: string,
  trace: string | null,
];

/**
 * Reads the log of all topics on one connection that listens for notifications, and polls besides. Entries arrive in
 * the order of their commits, none twice and none skipped: after a lost connection reading resumes where it stopped.
 */
export class EventLog {
  #client: Client | null = null;
  /** The last entry that the listeners got; null until the first connection. */
  #seen: number | null = null;
  #isClosed = false;
  #isReading = false;
  /** The number of reads that were begun, and which of them was the last to find the log's end. */
  #begun = 0;
  #readThrough = 0;
  #isBehind = false;
  #retryMs = FIRST_RETRY_MS;
  #retry: NodeJS.Timeout | undefined;
  readonly #listeners = new Set<LogListener>();
  readonly #hooks = new Set<LinkHooks>();
  readonly #waiting = new Set<() => void>();
  readonly #poll = setInterval(() => this.#wake(), POLL_MS).unref();

  private constructor(private readonly postgres: PostgresConnection) {}

  /** Connects, and starts at the log's present end. @throws what the connection failed with */
  static async open(postgres: PostgresConnection): Promise<EventLog> {
    const log = new EventLog(postgres);
    try {
      await log.#connect();
    } catch (error) {
      await log.close();
      throw error;
    }
    return log;
  }

  /** Whether entries may be missing right now. */
  get isLost(): boolean {
    return this.#client === null;
  }

  /** Adds a listener for entries; the returned function removes it. */
  follow(listener: LogListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Adds hooks for the connection; the returned function removes them. */
  listen(hooks: LinkHooks): () => void {
    this.#hooks.add(hooks);
    return () => void this.#hooks.delete(hooks);
  }

  /**
   * Resolves when every entry up to this one was passed to the listeners.
   *
   * @throws UnavailableError when the connection is lost
   */
  async reached(seq: number): Promise<void> {
    const before = this.#begun;
    // Entries may be removed before they are read: then a read that began after this call finds the end without them.
    while ((this.#seen ?? 0) < seq && this.#readThrough <= before) {
      if (this.isLost) throw new UnavailableError();
      this.#wake();
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#poll);
    clearTimeout(this.#retry);
    const client = this.#client;
    this.#client = null;
    this.#wakeAll();
    await client?.end().catch(() => {});
  }

  async #connect(): Promise<void> {
    const client = this.postgres.link.openListener();
    try {
      await client.connect();
      await client.query(NO_IDLE_LIMIT);
      const { rows } = await client.query<{ after: string }>('select sallyport.settle($1) as after', [this.#seen]);
      await client.query(`listen ${EVENT_CHANNEL}`);
      // Not where it stopped if entries were removed meanwhile, or this is an older copy of the database.
      this.#seen = Number(rows[0]?.after);
    } catch (error) {
      client.end().catch(() => {});
      throw error;
    }
    if (this.#isClosed) return void client.end().catch(() => {});
    client.on('notification', () => this.#wake());
    client.on('end', () => this.#lose(client, 'connection lost'));
    client.on('error', (error) => this.#lose(client, reasonOf(error)));
    this.#client = client;
    this.#retryMs = FIRST_RETRY_MS;
  }

  /** Reads what is new. Calls during a read lead to one more. */
  #wake(): void {
    this.#isBehind = true;
    if (!this.#isReading && this.#client) void this.#readAll(this.#client);
  }

  async #readAll(client: Client): Promise<void> {
    this.#isReading = true;
    try {
      await this.#read(client);
    } finally {
      this.#isReading = false;
    }
  }

  async #read(client: Client): Promise<void> {
    while (this.#isBehind && this.#client === client) {
      this.#isBehind = false;
      const read = ++this.#begun;
      try {
        const values = [this.#seen, BATCH, BATCH_BYTES];
        const startedAtMs = performance.now();
        const result = await within(SILENCE_MS, client.query<Row>({ ...READ_LOG, values }), null);
        this.postgres.health.took('log', startedAtMs);
        if (result === null) return this.#lose(client, 'no answer');
        if (this.#client !== client) return;
        for (const row of result.rows) this.#tell(row);
        if (mayBeCut(result.rows)) this.#isBehind = true;
        else this.#readThrough = read;
      } catch (error) {
        return this.#lose(client, reasonOf(error));
      }
      this.#wakeAll();
    }
  }

  #tell([seq, name, epoch, offset, payload, trace]: Row): void {
    this.#seen = Number(seq);
    if (name === null) return;
    const entry = { name, epoch: epoch ?? '', offset: Number(offset), payload, trace };
    for (const listener of this.#listeners) listener(entry);
  }

  #lose(client: Client, reason: string): void {
    if (this.#client !== client) return;
    this.#client = null;
    client.end().catch(() => {});
    this.#wakeAll();
    if (this.#isClosed) return;
    this.postgres.health.becameUnavailable(reason);
    for (const { lost } of this.#hooks) lost();
    this.#reconnect();
  }

  #reconnect(): void {
    this.#retry = setTimeout(() => {
      this.#connect().then(
        () => this.#restored(),
        () => this.#isClosed || this.#reconnect(),
      );
    }, this.#retryMs).unref();
    this.#retryMs = Math.min(2 * this.#retryMs, MAX_RETRY_MS);
  }

  #restored(): void {
    if (this.isLost) return;
    this.postgres.health.tookWrite();
    for (const { restored } of this.#hooks) restored();
    this.#wake();
  }

  /** Wakes those who wait for an entry, to look again. */
  #wakeAll(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }
}

/** Whether a read may have ended before the log does. A character takes at most 3 bytes. */
function mayBeCut(rows: readonly Row[]): boolean {
  const characters = rows.reduce((sum, [, , , , payload]) => sum + payload.length, 0);
  return rows.length === BATCH || 3 * characters >= BATCH_BYTES;
}

function reasonOf(error: unknown): string {
  return databaseFailure(error)?.reason ?? 'connection lost';
}
