import { Inject, Injectable } from '@nestjs/common';
import { and, gt, lte, or, sql, type SQL } from 'drizzle-orm';
import { SESSION_CONFIG, type SessionConfig } from '../identity.config.js';
import { sessions } from '../database/schema.js';

const TOUCH_SECONDS = 60;

/** The earliest times of last use and creation of a valid session. */
export interface OldestLive extends Record<string, string> {
  readonly oldestSeen: string;
  readonly oldestCreated: string;
}

/**
 * The condition for a valid session, for queries that are built once; {@link SessionLimits.oldest} gives its
 * parameters.
 */
export function liveSince(): SQL | undefined {
  return and(
    gt(sessions.lastSeenAt, sql.placeholder('oldestSeen')),
    gt(sessions.createdAt, sql.placeholder('oldestCreated')),
  );
}

/**
 * The idle and absolute expiry, in one place: as SQL, so that an expired row is never treated as a valid session, and
 * as the time that clients get.
 */
@Injectable()
export class SessionLimits {
  readonly #idleMs: number;
  readonly #absoluteMs: number;
  readonly #touchMs: number;

  constructor(@Inject(SESSION_CONFIG) config: SessionConfig) {
    this.#idleMs = config.idleSeconds * 1000;
    this.#absoluteMs = config.absoluteSeconds * 1000;
    this.#touchMs = Math.min(TOUCH_SECONDS * 1000, this.#idleMs / 4);
  }

  /** The condition for a session that is valid at a given time. */
  live(now: Date): SQL | undefined {
    return and(gt(sessions.lastSeenAt, ago(now, this.#idleMs)), gt(sessions.createdAt, ago(now, this.#absoluteMs)));
  }

  /** The parameters with which {@link liveSince} equals {@link live}. */
  oldest(now: Date): OldestLive {
    return {
      oldestSeen: ago(now, this.#idleMs).toISOString(),
      oldestCreated: ago(now, this.#absoluteMs).toISOString(),
    };
  }

  /**
   * The condition for an expired session, by the clock of the database: a node whose own clock is wrong refuses
   * sessions itself, and does not end those of all nodes.
   */
  expired(): SQL | undefined {
    return or(
      lte(sessions.lastSeenAt, sql`now() - ${this.#idleMs} * interval '1 ms'`),
      lte(sessions.createdAt, sql`now() - ${this.#absoluteMs} * interval '1 ms'`),
    );
  }

  /**
   * If the last use is before this time, it is written again. At most once a minute, more often only if the idle limit
   * is under four minutes.
   */
  touchBefore(now: Date): Date {
    return ago(now, this.#touchMs);
  }

  /** The time at which a session expires if it is not used again. */
  endOf(session: { readonly createdAt: Date; readonly lastSeenAt: Date }): Date {
    return new Date(
      Math.min(session.lastSeenAt.getTime() + this.#idleMs, session.createdAt.getTime() + this.#absoluteMs),
    );
  }
}

function ago(now: Date, ms: number): Date {
  return new Date(now.getTime() - ms);
}
