import { hash } from 'node:crypto';
import { UnavailableError } from '../../errors/sallyport.errors.js';
import { formatCursor, parseCursor } from '../../topics/cursor.js';
import { payloadDigest } from '../../topics/payload.js';
import type { TopicStorage } from '../topic.bus.shared.js';
import type { HistoryPage, HistoryRange, Publication, PublishOutcome } from '../../topics/topic.bus.js';
import { formatTraceparent } from '../../tracing/trace-context.js';
import { TopicEvent } from '../../topics/topic-event.js';
import type { ReadOptions, TopicPlace, TopicReading } from '../../topics/topic-reading.js';
import { historyMs, type Topic } from '../../topics/topic.js';
import { QUERY_TIMEOUT_MS } from './postgres-connections.js';
import type { PostgresConnection } from './postgres.connection.js';

/**
 * A batch that PostgreSQL starts later than this, in milliseconds, is not published: its publisher may already have
 * been told that it failed.
 */
const DEADLINE_MS = QUERY_TIMEOUT_MS - 500;
/** The outcomes of `sallyport.append`. */
const APPENDED = { new: 0, duplicate: 1, keyReused: 2, publishedBefore: 3 } as const;

const APPEND = 'select * from sallyport.append($1, $2, $3, $4, $5, $6, $7, to_timestamp($8 / 1000.0))';
const APPEND_TRACED =
  'select * from sallyport.append_traced($1, $2, $3, $4, $5, $6, $7, to_timestamp($8 / 1000.0), $9)';
const HISTORY = 'select * from sallyport.read_history($1, $2, $3, $4, $5, $6)';
const READ = 'select * from sallyport.read_renewed_topic($1, $2, $3, $4, $5, $6)';

interface Appended {
  readonly outcome: number;
  readonly epoch: string;
  readonly offset: string;
}

interface Read {
  readonly epoch: string;
  readonly offset: string;
  readonly recovered: number;
  readonly payloads: string[];
  readonly log_head: string;
}

interface Page {
  readonly epoch: string;
  readonly first_offset: string;
  readonly recovered: boolean;
  readonly payloads: string[];
}

/** A reading, and the entry of the log that must have arrived before its events may be delivered. */
export interface StoredReading extends TopicReading {
  readonly logHead: number;
}

/** Topics in PostgreSQL: the log, histories and idempotency keys. Every change is one statement, so it is atomic. */
export class PostgresTopicStorage implements TopicStorage<StoredReading> {
  constructor(private readonly postgres: PostgresConnection) {}

  /** PostgreSQL's clock, in ms since the epoch. */
  get nowMs(): number {
    return this.postgres.nowMs;
  }

  /**
   * Publishes a batch, all or nothing.
   *
   * @throws UnavailableError when PostgreSQL is unavailable and nothing was published, or the reply was lost
   */
  async publish(batch: readonly Publication[]): Promise<readonly PublishOutcome[]> {
    const values = [
      batch.map(({ topic }) => topic.name),
      batch.map(({ topic }) => topic.definition.historySize),
      batch.map(({ topic }) => historyMs(topic.definition)),
      batch.map(({ payload }) => JSON.stringify(payload) ?? 'null'),
      batch.map(({ topic, key, publisher }) => (key === undefined ? null : keyHash(topic, key, publisher))),
      batch.map(({ key, submitted, payload }) => (key === undefined ? null : payloadDigest(submitted ?? payload))),
      batch.some(({ outboxRow }) => outboxRow !== undefined) ? batch.map(({ outboxRow }) => outboxRow ?? null) : null,
      Math.round(this.postgres.nowMs + DEADLINE_MS),
    ];
    const traces =
      batch.some(({ trace }) => trace) && batch.map(({ trace }) => (trace ? formatTraceparent(trace) : null));
    const rows = await (traces
      ? this.postgres.run<Appended & Record<string, unknown>>(APPEND_TRACED, [...values, traces])
      : this.postgres.run<Appended & Record<string, unknown>>(APPEND, values));
    if (rows.length === 0) throw new UnavailableError();
    return rows.map(toOutcome);
  }

  async read(topic: Topic, options: ReadOptions): Promise<StoredReading> {
    const { definition } = topic;
    const { epoch = options.since === undefined ? '' : '-', offset = 0 } = options.since ?? {};
    const values = [topic.name, definition.historySize, historyMs(definition), epoch, offset, options.otherwise];
    const [row] = await this.postgres.run<Read & Record<string, unknown>>(READ, values);
    return toReading(row!);
  }

  async history({ name, definition }: Topic, { after, limit }: HistoryRange): Promise<HistoryPage> {
    const since = after === undefined ? { epoch: '', offset: 0 } : parseCursor(after);
    if (since === null) return { events: [], recovered: false };
    const values = [name, definition.historySize, historyMs(definition), since.epoch, since.offset, limit];
    const [row] = await this.postgres.run<Page & Record<string, unknown>>(HISTORY, values);
    const { epoch, first_offset, payloads, recovered } = row!;
    const first = Number(first_offset);
    const events = payloads.map((payload, index) => new TopicEvent(epoch, first + index, JSON.parse(payload)));
    return { events, recovered };
  }

  async differing<T extends TopicPlace>(places: readonly T[]): Promise<readonly T[]> {
    const rows = await this.postgres.run<{ place: string }>('select * from sallyport.differing($1, $2, $3) as place', [
      places.map(({ topic }) => topic.name),
      places.map(({ position }) => position.epoch),
      places.map(({ position }) => position.offset),
    ]);
    return rows.flatMap(({ place }) => places[Number(place) - 1] ?? []);
  }

  async publishedAtMs(topic: Topic, offset: number): Promise<number | null> {
    const [row] = await this.postgres.run<{ at: string }>(
      `select extract(epoch from e.at) * 1000 as at
       from sallyport.topic t join sallyport.event e on e.topic = t.id where t.name = $1 and e."offset" = $2`,
      [topic.name, offset],
    );
    return row ? Number(row.at) : null;
  }

  /** Removes a topic's position and history. Idempotency keys are hashed, and expire by themselves. */
  async forget(topic: Topic): Promise<void> {
    await this.postgres.run(
      'select sallyport.drop_topics(array(select t.id from sallyport.topic t where t.name = $1))',
      [topic.name],
    );
  }
}

/**
 * What an idempotency key is kept as: its topic and publisher are part of it, separated by line breaks, which their
 * names cannot contain.
 */
function keyHash(topic: Topic, key: string, publisher = ''): string {
  return hash('sha256', `${topic.name}\n${publisher}\n${key}`, 'base64url');
}

function toOutcome({ outcome, epoch, offset }: Appended): PublishOutcome {
  if (outcome === APPENDED.keyReused) return { ok: false, reason: 'key-reused' };
  if (outcome === APPENDED.publishedBefore) return { ok: true, cursor: '', duplicate: true };
  const cursor = formatCursor({ epoch, offset: Number(offset) });
  return { ok: true, cursor, duplicate: outcome === APPENDED.duplicate };
}

function toReading({ epoch, offset, recovered, payloads, log_head }: Read): StoredReading {
  const newest = Number(offset);
  const first = newest - payloads.length + 1;
  return {
    position: { epoch, offset: newest },
    recovered: recovered === -1 ? undefined : recovered === 1,
    events: payloads.map((payload, index) => new TopicEvent(epoch, first + index, JSON.parse(payload))),
    logHead: Number(log_head),
  };
}
