import { Injectable } from '@nestjs/common';
import { and, asc, desc, eq, gt, gte, inArray, lt, sql, type SQL } from 'drizzle-orm';
import type { AuditRecord } from '../../live/logging/audit-log.js';
import { Database } from '../database/database.js';
import { auditEvents } from '../database/schema.js';

/** An event, and when it happened by the clock of its node. */
export interface TimedAuditRecord {
  readonly at: Date;
  readonly record: AuditRecord;
}

/** A stored event. */
export interface StoredAuditEvent {
  /** Increases; events of several nodes may be stored in another order than they happened. */
  readonly id: number;
  readonly at: Date;
  readonly event: string;
  readonly viewer: string | null;
  readonly address: string | null;
  readonly reason: string | null;
  readonly by: string;
  /** The other fields of the event, such as `session` or `name`. */
  readonly details: unknown;
}

/** Which events to read. All conditions must hold. */
export interface AuditQuery {
  readonly event?: string;
  readonly viewer?: string;
  readonly since?: Date;
  /** Only events with a higher id. */
  readonly afterId?: number;
  /** Only events with a lower id. */
  readonly beforeId?: number;
  /** The most events. */
  readonly limit: number;
}

/** Audit events in the database. Throws UnavailableError when it is unavailable. */
@Injectable()
export class AuditStore {
  constructor(private readonly database: Database) {}

  /** Adds events, all or none. */
  async add(events: readonly TimedAuditRecord[]): Promise<void> {
    const rows = events.map(({ at, record: { event, viewer, address, reason, by, ...details } }) => {
      return { at, event, viewer, address, reason, by, details: storable(details) };
    });
    await this.database.run((orm) => orm.insert(auditEvents).values(rows));
  }

  /** The newest events, the oldest of them first. */
  async newest(query: AuditQuery): Promise<readonly StoredAuditEvent[]> {
    const found = await this.database.run((orm) =>
      orm.select().from(auditEvents).where(conditionOf(query)).orderBy(desc(auditEvents.id)).limit(query.limit),
    );
    return found.reverse();
  }

  /** The oldest events that match, in order. */
  oldest(query: AuditQuery): Promise<readonly StoredAuditEvent[]> {
    return this.database.run((orm) =>
      orm.select().from(auditEvents).where(conditionOf(query)).orderBy(asc(auditEvents.id)).limit(query.limit),
    );
  }

  /** Removes at most `most` events that are older by the clock of the database, not of one node. Returns how many. */
  async removeOlderThan(days: number, most: number): Promise<number> {
    const removed = await this.database.run((orm) => {
      const isOld = lt(auditEvents.at, sql`now() - ${days} * interval '1 day'`);
      const old = orm.select({ id: auditEvents.id }).from(auditEvents).where(isOld).limit(most);
      return orm.delete(auditEvents).where(inArray(auditEvents.id, old)).returning({ id: auditEvents.id });
    });
    return removed.length;
  }
}

/**
 * What jsonb can hold: it refuses NUL and unpaired surrogates, and one refused event would hold up all others of its
 * batch.
 */
function storable(details: object): object {
  const entries = Object.entries(details).map(([name, value]: [string, unknown]) => [
    name,
    typeof value === 'string' ? Buffer.from(value).toString().replaceAll('\0', '\ufffd') : value,
  ]);
  return Object.fromEntries(entries) as object;
}

function conditionOf({ event, viewer, since, afterId, beforeId }: AuditQuery): SQL | undefined {
  return and(
    event === undefined ? undefined : eq(auditEvents.event, event),
    viewer === undefined ? undefined : eq(auditEvents.viewer, viewer),
    since === undefined ? undefined : gte(auditEvents.at, since),
    afterId === undefined ? undefined : gt(auditEvents.id, afterId),
    beforeId === undefined ? undefined : lt(auditEvents.id, beforeId),
  );
}
