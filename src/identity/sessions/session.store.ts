import { Injectable } from '@nestjs/common';
import { and, desc, eq, inArray, isNull, lt, sql, type SQL } from 'drizzle-orm';
import type { PgColumn } from 'drizzle-orm/pg-core';
import { UnavailableError } from '../../live/errors/sallyport.errors.js';
import { Database, type Orm } from '../database/database.js';
import { sessions, users } from '../database/schema.js';
import { OWN_COLUMNS, type VerifiedAccount } from '../accounts/account.js';
import type { ListedSession, LiveSession, SessionClaim, ClaimStatus } from './session.js';
import type { EndedSession } from './ended-sessions.js';
import { liveSince, SessionLimits } from './session-limits.js';

/** The most sessions of an account; one more replaces the oldest. */
const MAX_SESSIONS_PER_ACCOUNT = 20;
/** Prepared here, not on the server's connection, because a pooler may send each query to another connection. */
const UNNAMED = '';
const ENDED = { id: sessions.id, userId: sessions.userId };

/** A session to open. */
export interface NewSession {
  readonly id: string;
  readonly secretHash: string;
  readonly userAgent: string | null;
  readonly ip: string | null;
}

/**
 * Sessions in the database. Every method throws UnavailableError when the database is unavailable; nothing is then
 * changed.
 */
@Injectable()
export class SessionStore {
  // Used for every request and every socket, so Drizzle builds their SQL once.
  #find: ReturnType<typeof prepareFind> | null = null;
  #statuses: ReturnType<typeof prepareStatuses> | null = null;

  constructor(
    private readonly database: Database,
    private readonly limits: SessionLimits,
  ) {}

  /**
   * Opens a session, and ends the presented one and those over the limit of 20 per account.
   *
   * The account's row is locked meanwhile: sign-ins of one account run one after the other, and detect if the account
   * was changed, disabled or deleted since the password was verified.
   *
   * @returns the ended sessions, or null if the account has changed since
   */
  open(
    account: VerifiedAccount,
    session: NewSession,
    presentedId: string | null,
  ): Promise<readonly EndedSession[] | null> {
    return this.database.transaction(async (orm) => {
      if (!(await lockUnchanged(orm, account))) return null;
      const ended = presentedId ? await orm.delete(sessions).where(eq(sessions.id, presentedId)).returning(ENDED) : [];
      const surplus = orm
        .select({ id: sessions.id })
        .from(sessions)
        .where(eq(sessions.userId, account.id))
        .orderBy(desc(sessions.createdAt), desc(sessions.id))
        .offset(MAX_SESSIONS_PER_ACCOUNT - 1);
      const trimmed = await orm.delete(sessions).where(inArray(sessions.id, surplus)).returning(ENDED);
      const now = new Date();
      await orm.insert(sessions).values({ ...session, userId: account.id, createdAt: now, lastSeenAt: now });
      return [...ended, ...trimmed];
    });
  }

  /** The valid session with this secret, and its account, with one indexed query. */
  async findBySecretHash(secretHash: string): Promise<LiveSession | null> {
    const rows = await this.database.run((orm) => {
      this.#find ??= prepareFind(orm);
      return this.#find.execute({ secretHash, ...this.limits.oldest(new Date()) });
    });
    return rows[0] ?? null;
  }

  /**
   * Records the use of a session. An UPDATE with every limit in its condition, so that it never revives an ended
   * session.
   */
  async touch(sessionId: string): Promise<void> {
    const now = new Date();
    const due = lt(sessions.lastSeenAt, this.limits.touchBefore(now));
    await this.database.run((orm) =>
      orm
        .update(sessions)
        .set({ lastSeenAt: now })
        .where(and(eq(sessions.id, sessionId), due, this.limits.live(now))),
    );
  }

  /**
   * Checks many claims with one query; results are in their order.
   *
   * @throws UnavailableError also while the database refuses writes: it could not end a session either
   */
  async statuses(claims: readonly SessionClaim[]): Promise<ClaimStatus[]> {
    if (this.database.state === 'refuses-writes') throw new UnavailableError();
    const userIds = [...new Set(claims.map((claim) => claim.userId))];
    const sessionIds = [...new Set(claims.map((claim) => claim.sessionId))];
    const rows = await this.database.run((orm) => {
      this.#statuses ??= prepareStatuses(orm);
      const ids = { userIds: userIds.join(), sessionIds: sessionIds.join() };
      return this.#statuses.execute({ ...ids, ...this.limits.oldest(new Date()) });
    });
    const known = new Set(rows.map((row) => row.userId));
    const ends = new Map(rows.map((row) => [keyOf(row), endOf(this.limits, row)]));
    return claims.map((claim) => {
      const endsAt = ends.get(keyOf(claim));
      if (endsAt) return { ok: true, endsAt };
      return { ok: false, reason: known.has(claim.userId) ? 'session-ended' : 'account-gone' };
    });
  }

  /** The open sessions of an account, the most recently used first. */
  async list(userId: string): Promise<ListedSession[]> {
    const { id, createdAt, lastSeenAt, userAgent, ip } = sessions;
    const rows = await this.database.run((orm) =>
      orm
        .select({ id, createdAt, lastSeenAt, userAgent, ip })
        .from(sessions)
        .where(and(eq(sessions.userId, userId), this.limits.live(new Date())))
        .orderBy(desc(lastSeenAt), desc(createdAt)),
    );
    return rows.map((row) => ({ ...row, expiresAt: this.limits.endOf(row) }));
  }

  /** Ends one session; null if it does not exist. */
  async end(sessionId: string): Promise<EndedSession | null> {
    const rows = await this.database.run((orm) =>
      orm.delete(sessions).where(eq(sessions.id, sessionId)).returning(ENDED),
    );
    return rows[0] ?? null;
  }

  /** Which of these sessions are valid, each with its expiry if it is not used again. */
  async status(sessionIds: readonly string[]): Promise<ReadonlyMap<string, Date>> {
    const { id, createdAt, lastSeenAt } = sessions;
    const condition = and(inArray(id, [...sessionIds]), this.limits.live(new Date()), isNull(users.disabledAt));
    const rows = await this.database.run((orm) =>
      orm
        .select({ id, createdAt, lastSeenAt })
        .from(sessions)
        .innerJoin(users, eq(users.id, sessions.userId))
        .where(condition),
    );
    return new Map(rows.map((row) => [row.id, this.limits.endOf(row)]));
  }

  /**
   * Ends sessions that are expired by the clock of the database, up to a maximum number; rows that another node is ending
   * are skipped.
   */
  endExpired(atMost: number): Promise<readonly EndedSession[]> {
    return this.database.run((orm) => {
      const expired = orm
        .select({ id: sessions.id })
        .from(sessions)
        .where(this.limits.expired())
        .limit(atMost)
        .for('update', { skipLocked: true });
      return orm.delete(sessions).where(inArray(sessions.id, expired)).returning(ENDED);
    });
  }
}

function prepareFind(orm: Orm) {
  return orm
    .select({
      id: sessions.id,
      createdAt: sessions.createdAt,
      lastSeenAt: sessions.lastSeenAt,
      account: OWN_COLUMNS,
    })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .where(and(eq(sessions.secretHash, sql.placeholder('secretHash')), liveSince(), isNull(users.disabledAt)))
    .prepare(UNNAMED);
}

function prepareStatuses(orm: Orm) {
  const { createdAt, lastSeenAt } = sessions;
  return orm
    .select({ userId: users.id, sessionId: sessions.id, createdAt, lastSeenAt })
    .from(users)
    .leftJoin(sessions, and(eq(sessions.userId, users.id), isOneOf(sessions.id, 'sessionIds'), liveSince()))
    .where(and(isOneOf(users.id, 'userIds'), isNull(users.disabledAt)))
    .prepare(UNNAMED);
}

/** Ids as one comma-separated list, so that the query has one parameter. */
function isOneOf(column: PgColumn, list: string): SQL {
  return sql`${column} = any(string_to_array(${sql.placeholder(list)}, ',')::uuid[])`;
}

async function lockUnchanged(orm: Orm, account: VerifiedAccount): Promise<boolean> {
  const unchanged = and(
    eq(users.id, account.id),
    eq(users.passwordHash, account.passwordHash),
    isNull(users.disabledAt),
  );
  const rows = await orm.select({ id: users.id }).from(users).where(unchanged).for('no key update');
  return rows.length > 0;
}

function keyOf(claim: { readonly userId: string; readonly sessionId: string | null }): string {
  return `${claim.userId} ${claim.sessionId ?? ''}`;
}

function endOf(
  limits: SessionLimits,
  row: { readonly createdAt: Date | null; readonly lastSeenAt: Date | null },
): Date | null {
  return row.createdAt && row.lastSeenAt
    ? limits.endOf({ createdAt: row.createdAt, lastSeenAt: row.lastSeenAt })
    : null;
}
