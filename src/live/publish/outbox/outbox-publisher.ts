import type { Publication, PublishOutcome, TopicBus } from '../../topics/topic.bus.js';
import { parseSampled } from '../../tracing/trace-context.js';
import type { EventChecker } from '../event-checker.js';
import { type CheckedEvent, type EventPublisher, KEY_REUSED } from '../published-event.js';
import type { OutboxRow, RefusedRow } from './outbox.js';

/** The owner of the keys that callers of `sallyport.publish` give. Those of `POST /publish` have other owners. */
const PUBLISHER: EventPublisher = { id: 'sql' };
/** The owner of the keys of events without one. */
const ROW_PUBLISHER = 'outbox';

/** The outcome of the events of one read. */
export interface RelayedBatch {
  /** Published now or before. */
  readonly done: readonly string[];
  readonly duplicates: number;
  readonly refused: readonly RefusedRow[];
  /** Whether nothing is left to try again. */
  readonly isComplete: boolean;
}

/** Where events go, and how they are checked. */
export interface OutboxTarget {
  readonly checker: EventChecker;
  readonly bus: TopicBus;
  /**
   * Whether the bus removes the rows of the outbox itself, in the transaction that publishes them. Otherwise each event
   * has a key, by which it is recognised if it comes again.
   */
  readonly removesRows: boolean;
}

/** Publishes events of the outbox: checked as those of `POST /publish`, and the valid ones go to the bus together. */
export class OutboxPublisher {
  constructor(private readonly target: OutboxTarget) {}

  /** Whether publishing an event removes its row. */
  get removesRows(): boolean {
    return this.target.removesRows;
  }

  /**
   * Publishes events in their order.
   *
   * @throws UnavailableError when the store is unavailable: nothing was published, or the reply was lost
   */
  async publish(rows: readonly OutboxRow[]): Promise<RelayedBatch> {
    const refused: RefusedRow[] = [];
    const sent: OutboxRow[] = [];
    const publications: Publication[] = [];
    for (const row of rows) {
      const checked = this.#check(row);
      if (!checked.ok) {
        refused.push({ id: row.id, reason: checked.error.message });
        continue;
      }
      sent.push(row);
      publications.push(this.#publicationOf(row, checked.publication));
    }
    const outcomes = publications.length > 0 ? await this.target.bus.publish(publications) : [];
    return summaryOf(sent, outcomes, refused);
  }

  #check({ id, topic, viewer, payload, key }: OutboxRow): CheckedEvent {
    const event = { topic, viewer, payload: JSON.parse(payload) as unknown, ...(key === null ? {} : { key }) };
    return this.target.checker.check(event, PUBLISHER, { event: id, topic });
  }

  #publicationOf(row: OutboxRow, checked: Publication): Publication {
    const { id, key, createdAt } = row;
    const trace = row.trace === null ? null : parseSampled(row.trace);
    const publication = trace ? { ...checked, trace } : checked;
    if (this.target.removesRows) return { ...publication, outboxRow: id };
    if (key !== null) return publication;
    // In another database, rows have the same ids.
    return { ...publication, publisher: ROW_PUBLISHER, key: `${id} ${createdAt.getTime()}`, submitted: id };
  }
}

function summaryOf(
  sent: readonly OutboxRow[],
  outcomes: readonly PublishOutcome[],
  refused: readonly RefusedRow[],
): RelayedBatch {
  const done: string[] = [];
  const reused: RefusedRow[] = [];
  let duplicates = 0;
  sent.forEach(({ id }, place) => {
    const outcome = outcomes[place];
    if (outcome?.ok) done.push(id);
    if (outcome?.ok && outcome.duplicate) duplicates += 1;
    if (outcome?.ok === false && outcome.reason === 'key-reused') reused.push({ id, reason: KEY_REUSED });
  });
  const all = [...refused, ...reused];
  return { done, duplicates, refused: all, isComplete: done.length + reused.length === sent.length };
}
