import { Inject, Injectable } from '@nestjs/common';
import { and, gt, lte, or, sql, type SQL } from 'drizzle-orm';
import { SESSION_CONFIG, type SessionConfig } from '../identity.config.js';
import { sessions } from '../database/schema.js';

const TOUCH_SECONDS = 60;

/** The instants after which a live session was last seen and created. */
export interface OldestLive extends Record<string, string> {
  readonly oldestSeen: string;
  readonly oldestCreated: string;
}

/** The condition under which a row is live, for queries that are built once; {@link SessionLimits.oldest} gives the rest. */
export function liveSince(): SQL | undefined {
  return and(
    gt(sessions.lastSeenAt, sql.placeholder('oldestSeen')),
    gt(sessions.createdAt, sql.placeholder('oldestCreated')),
  );
}

/**
 * The idle and the absolute limit, in one place: as SQL, so that no stale row is ever taken for a live session,
 * and as the instant that clients are told.
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

  /** The condition under which a session's row is live at an instant. */
  live(now: Date): SQL | undefined {
    return and(gt(sessions.lastSeenAt, ago(now, this.#idleMs)), gt(sessions.createdAt, ago(now, this.#absoluteMs)));
  }

  /** What {@link liveSince} needs to say the same as {@link live}. */
  oldest(now: Date): OldestLive {
    return {
      oldestSeen: ago(now, this.#idleMs).toISOString(),
      oldestCreated: ago(now, this.#absoluteMs).toISOString(),
    };
  }

  /** The opposite of {@link live}. */
  expired(now: Date): SQL | undefined {
    return or(lte(sessions.lastSeenAt, ago(now, this.#idleMs)), lte(sessions.createdAt, ago(now, this.#absoluteMs)));
  }

  /** Last seen before this instant: time to write it again. At most once a minute, oftener only where the idle limit is under four minutes. */
  touchBefore(now: Date): Date {
    return ago(now, this.#touchMs);
  }

  /** When a session expires if it is not used again. */
  endOf(session: { readonly createdAt: Date; readonly lastSeenAt: Date }): Date {
    return new Date(
      Math.min(session.lastSeenAt.getTime() + this.#idleMs, session.createdAt.getTime() + this.#absoluteMs),
    );
  }
}

function ago(now: Date, ms: number): Date {
  return new Date(now.getTime() - ms);
}
