import { Injectable } from '@nestjs/common';
import { and, asc, gt, inArray, isNotNull, isNull, lte, type SQL, sql } from 'drizzle-orm';
import { Database, type Orm } from '../../identity/database/database.js';
import { announcedViewers } from '../../identity/database/schema.js';
import type { ViewerId } from '../../live/viewer/viewer.js';
import { addMessages, MAX_WAITING, WebhookMessages } from './webhook-message.store.js';

/** How long a viewer must be gone before `viewer.offline`, in seconds, so that a reconnect is not announced. */
export const OFFLINE_AFTER_SECONDS = 10;
/**
 * The same for a viewer of a node that was lost, in seconds: the node's lease of 10 seconds has passed already, unless
 * the node ended in order and its viewers are reconnecting. Longer than the 2.5 seconds between heartbeats: a store that
 * was restarted may have lost who is present, which each node then reports again.
 */
export const LOST_SECONDS = 5;

/**
 * The viewers who were announced as online, in the database: each change is one statement, and its messages are made in
 * the same transaction, so that several nodes announce it once. Each method throws `UnavailableError` when the database
 * is unavailable.
 */
@Injectable()
export class AnnouncedViewers {
  constructor(
    private readonly database: Database,
    private readonly messages: WebhookMessages,
  ) {}

  /** Whether too many messages wait to announce anything more. What is skipped is found again once there is room. */
  async isFull(): Promise<boolean> {
    return (await this.messages.waiting()) >= MAX_WAITING;
  }

  /** These viewers have connected: announces those who were not. */
  async connected(viewers: readonly ViewerId[]): Promise<void> {
    await this.#announce(viewers, isNotNull(announcedViewers.leftAt));
  }

  /**
   * These viewers were found connected: announces those whose coming was missed. One who has left meanwhile is not taken
   * for connected: {@link due} tells of them, and they are looked at again.
   */
  async found(viewers: readonly ViewerId[]): Promise<void> {
    await this.#announce(viewers, sql`false`);
  }

  /** Announces those who were not, and forgets that the others have left where a condition holds. */
  async #announce(viewers: readonly ViewerId[], isBack: SQL): Promise<void> {
    if (viewers.length === 0) return;
    // Sorted, so that two nodes lock them in the same order.
    const rows = [...viewers].sort(byText).map((viewer) => ({ viewer, leftAt: null }));
    await this.database.transaction(async (orm) => {
      const changed = await orm
        .insert(announcedViewers)
        .values(rows)
        .onConflictDoUpdate({ target: announcedViewers.viewer, set: { leftAt: null }, setWhere: isBack })
        .returning({ viewer: announcedViewers.viewer, isNew: sql<boolean>`xmax = 0` });
      const fresh = changed.filter(({ isNew }) => isNew).map(({ viewer }) => viewer as ViewerId);
      await addMessages(orm, 'viewer.online', fresh);
    });
  }

  /** The last sockets of these viewers on one node have closed: they are looked at again in ten seconds. */
  async disconnected(viewers: readonly ViewerId[]): Promise<void> {
    if (viewers.length === 0) return;
    await this.database.run((orm) =>
      orm
        .update(announcedViewers)
        .set({ leftAt: sql`now()` })
        .where(inArray(announcedViewers.viewer, locked(orm, among(viewers)))),
    );
  }

  /** These viewers were on a node that is lost: they are looked at again soon. */
  async nodeLost(viewers: readonly ViewerId[]): Promise<void> {
    if (viewers.length === 0) return;
    await this.database.run((orm) =>
      orm
        .update(announcedViewers)
        .set({ leftAt: sql`now() - ${OFFLINE_AFTER_SECONDS - LOST_SECONDS} * interval '1 second'` })
        .where(inArray(announcedViewers.viewer, locked(orm, and(among(viewers), isNull(announcedViewers.leftAt))))),
    );
  }

  /** Viewers who have been gone for ten seconds, as far as their nodes know. */
  async due(limit: number): Promise<readonly ViewerId[]> {
    const rows = await this.database.run((orm) =>
      orm
        .select({ viewer: announcedViewers.viewer })
        .from(announcedViewers)
        .where(isDue())
        .orderBy(asc(announcedViewers.leftAt))
        .limit(limit),
    );
    return rows.map(({ viewer }) => viewer as ViewerId);
  }

  /** Of viewers who are {@link due}: these are connected. */
  async stillConnected(viewers: readonly ViewerId[]): Promise<void> {
    if (viewers.length === 0) return;
    await this.database.run((orm) =>
      orm
        .update(announcedViewers)
        .set({ leftAt: null })
        .where(inArray(announcedViewers.viewer, locked(orm, and(among(viewers), isDue())))),
    );
  }

  /** Of viewers who are {@link due}: these are not connected, which is announced unless they have just come back. */
  async offline(viewers: readonly ViewerId[]): Promise<void> {
    if (viewers.length === 0) return;
    await this.database.transaction(async (orm) => {
      const gone = await orm
        .delete(announcedViewers)
        .where(inArray(announcedViewers.viewer, locked(orm, and(among(viewers), isDue()))))
        .returning({ viewer: announcedViewers.viewer });
      const viewersGone = gone.map(({ viewer }) => viewer as ViewerId);
      await addMessages(orm, 'viewer.offline', viewersGone);
    });
  }

  /** A page of viewers of whom nothing suggests that they are gone, by viewer id. */
  async page(after: string, limit: number): Promise<readonly ViewerId[]> {
    const rows = await this.database.run((orm) =>
      orm
        .select({ viewer: announcedViewers.viewer })
        .from(announcedViewers)
        .where(and(gt(announcedViewers.viewer, after), isNull(announcedViewers.leftAt)))
        .orderBy(asc(announcedViewers.viewer))
        .limit(limit),
    );
    return rows.map(({ viewer }) => viewer as ViewerId);
  }
}

/** Locks the rows that meet a condition in the order of {@link byText}, so that two nodes never wait for each other. */
function locked(orm: Orm, condition: SQL | undefined) {
  return orm
    .select({ viewer: announcedViewers.viewer })
    .from(announcedViewers)
    .where(condition)
    .orderBy(sql`${announcedViewers.viewer} collate "C"`)
    .for('update');
}

/** Viewers as a condition. */
function among(viewers: readonly ViewerId[]) {
  return inArray(announcedViewers.viewer, [...viewers]);
}

/** Viewers who have been gone for ten seconds. */
function isDue() {
  return lte(announcedViewers.leftAt, sql`now() - ${OFFLINE_AFTER_SECONDS} * interval '1 second'`);
}

/** By code unit: for the characters of a viewer id the same as PostgreSQL's collation `C`. */
function byText(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
