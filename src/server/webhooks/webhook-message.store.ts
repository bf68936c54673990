import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { and, asc, desc, eq, inArray, isNotNull, isNull, lt, lte, or, sql } from 'drizzle-orm';
import { Database, type Orm } from '../../identity/database/database.js';
import { webhookMessages } from '../../identity/database/schema.js';
import type { ViewerId } from '../../live/viewer/viewer.js';
import type { Webhook, WebhookType } from './webhook-request.js';

/** How long a node has a message for itself, in seconds: longer than an attempt takes. */
const CLAIM_SECONDS = 60;
/** The most undelivered messages. While there are as many, no further ones are made. */
export const MAX_WAITING = 100_000;
/** How many messages that could not be delivered are kept, and for how long. */
const MAX_GIVEN_UP = 10_000;
const GIVEN_UP_DAYS = 7;

/** A message that this node is to send now. */
export interface ClaimedWebhook extends Webhook {
  readonly seq: number;
  /** The number of this attempt, from 1. */
  readonly attempts: number;
}

/** A message that is not sent any more. */
export interface GivenUpWebhook extends Webhook {
  readonly failedAt: Date;
  /** Why the last attempt failed. */
  readonly failure: string;
}

/** Adds messages about these viewers, in the transaction in which they were found to have come or gone. */
export async function addMessages(orm: Orm, type: WebhookType, viewers: readonly ViewerId[]): Promise<void> {
  if (viewers.length === 0) return;
  const now = sql`now()`;
  const rows = viewers.map((viewer) => ({ id: randomUUID(), type, viewer, createdAt: now, nextAttemptAt: now }));
  await orm.insert(webhookMessages).values(rows);
}

/** Webhooks in the database. Each method throws `UnavailableError` when the database is unavailable. */
@Injectable()
export class WebhookMessages {
  constructor(private readonly database: Database) {}

  /**
   * Takes messages that are due, each for this node alone until its claim ends. Of one viewer's messages only the
   * oldest is taken, so that they arrive in order.
   */
  async claim(limit: number): Promise<readonly ClaimedWebhook[]> {
    const { seq, viewer, failedAt, nextAttemptAt } = webhookMessages;
    const isDue = and(isNull(failedAt), lte(nextAttemptAt, sql`now()`));
    const isFirst = sql`not exists (select 1 from webhook_messages earlier
      where earlier.viewer = ${viewer} and earlier.seq < ${seq} and earlier.failed_at is null)`;
    return this.database.run(async (orm) => {
      const due = orm
        .select({ seq })
        .from(webhookMessages)
        .where(and(isDue, isFirst))
        .orderBy(asc(nextAttemptAt))
        .limit(limit)
        .for('update', { skipLocked: true });
      const rows = await orm
        .update(webhookMessages)
        .set({
          attempts: sql`${webhookMessages.attempts} + 1`,
          nextAttemptAt: sql`now() + ${CLAIM_SECONDS} * interval '1 second'`,
        })
        .where(and(inArray(seq, due), isDue))
        .returning();
      return rows as readonly (ClaimedWebhook & (typeof rows)[number])[];
    });
  }

  /** Removes delivered messages. */
  async delivered(seqs: readonly number[]): Promise<void> {
    if (seqs.length === 0) return;
    await this.database.run((orm) => orm.delete(webhookMessages).where(inArray(webhookMessages.seq, [...seqs])));
  }

  /** Ends the claims of messages whose attempts were aborted: they are due at once, and the attempt does not count. */
  async release(seqs: readonly number[]): Promise<void> {
    if (seqs.length === 0) return;
    await this.database.run((orm) =>
      orm
        .update(webhookMessages)
        .set({ attempts: sql`${webhookMessages.attempts} - 1`, nextAttemptAt: sql`now()` })
        .where(inArray(webhookMessages.seq, [...seqs])),
    );
  }

  /** Records a failed attempt. @param retryAfterSeconds until the next attempt; null: it was the last one */
  async failed(seq: number, failure: string, retryAfterSeconds: number | null): Promise<void> {
    const next =
      retryAfterSeconds === null
        ? { failedAt: sql`now()` }
        : { nextAttemptAt: sql`now() + ${retryAfterSeconds} * interval '1 second'` };
    await this.database.run((orm) =>
      orm
        .update(webhookMessages)
        .set({ failure, ...next })
        .where(eq(webhookMessages.seq, seq)),
    );
  }

  /** The number of messages that are still to be delivered; counts to {@link MAX_WAITING}. */
  async waiting(): Promise<number> {
    return this.database.run(async (orm) => {
      const some = orm
        .select({ seq: webhookMessages.seq })
        .from(webhookMessages)
        .where(isNull(webhookMessages.failedAt))
        .limit(MAX_WAITING)
        .as('some');
      const [row] = await orm.select({ count: sql<number>`count(*)::int` }).from(some);
      return row?.count ?? 0;
    });
  }

  /** The messages that were given up, oldest first. @param limit the most to return */
  async givenUp(limit: number): Promise<readonly GivenUpWebhook[]> {
    const { id, type, viewer, createdAt, failedAt, failure, seq } = webhookMessages;
    const rows = await this.database.run((orm) =>
      orm
        .select({ id, type, viewer, createdAt, failedAt, failure })
        .from(webhookMessages)
        .where(isNotNull(failedAt))
        .orderBy(asc(seq))
        .limit(limit),
    );
    return rows as readonly GivenUpWebhook[];
  }

  /** Lets messages that were given up be sent again, as if they were new. @returns how many */
  async retry(ids: readonly string[] | 'all'): Promise<number> {
    const which = ids === 'all' ? undefined : inArray(webhookMessages.id, [...ids]);
    const rows = await this.database.run((orm) =>
      orm
        .update(webhookMessages)
        .set({ failedAt: null, attempts: 0, nextAttemptAt: sql`now()` })
        .where(and(isNotNull(webhookMessages.failedAt), which))
        .returning({ id: webhookMessages.id }),
    );
    return rows.length;
  }

  /** Removes messages that could not be delivered and are too old or too many. */
  async sweep(): Promise<void> {
    const { seq, failedAt } = webhookMessages;
    await this.database.run(async (orm) => {
      const newest = orm
        .select({ seq })
        .from(webhookMessages)
        .where(isNotNull(failedAt))
        .orderBy(desc(seq))
        .offset(MAX_GIVEN_UP)
        .limit(1);
      const isOld = lt(failedAt, sql`now() - ${GIVEN_UP_DAYS} * interval '1 day'`);
      await orm.delete(webhookMessages).where(and(isNotNull(failedAt), or(isOld, lte(seq, newest))));
    });
  }
}
