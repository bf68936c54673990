import { Injectable } from '@nestjs/common';
import { accountViewer, type AccountViewer } from './account-viewer.js';
import type { Account } from '../accounts/account.js';
import type { LiveSession } from './session.js';
import { SessionCookie, sessionSecretHash } from './session-cookie.js';
import { SessionLimits } from './session-limits.js';
import { SessionStore } from './session.store.js';

/** Finds the viewer for a request's cookie. */
@Injectable()
export class RequestViewer {
  readonly #accounts = new WeakMap<AccountViewer, Account>();

  constructor(
    private readonly cookie: SessionCookie,
    private readonly store: SessionStore,
    private readonly limits: SessionLimits,
  ) {}

  /**
   * Called once for each HTTP request. Costs nothing without a cookie, one indexed query with one, and at most once a
   * minute a write that records the use of the session.
   *
   * @returns null without a cookie, for a malformed one, and for one whose session has ended
   * @throws UnavailableError when the database is unavailable: the request is then not treated as signed out
   */
  async fromCookie(cookieHeader: string | undefined): Promise<AccountViewer | null> {
    const secret = this.cookie.read(cookieHeader);
    if (!secret) return null;
    const session = await this.store.findBySecretHash(sessionSecretHash(secret));
    if (!session) return null;
    await this.#extendSession(session);
    const viewer = accountViewer(session.account.id, session.id);
    this.#accounts.set(viewer, session.account);
    return viewer;
  }

  /** The account that {@link fromCookie} found with a viewer; null for other viewers. */
  accountOf(viewer: AccountViewer): Account | null {
    return this.#accounts.get(viewer) ?? null;
  }

  async #extendSession(session: LiveSession): Promise<void> {
    if (session.lastSeenAt < this.limits.touchBefore(new Date())) await this.store.touch(session.id);
  }
}
