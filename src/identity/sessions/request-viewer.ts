import { Injectable } from '@nestjs/common';
import { accountViewer, type AccountViewer } from './account-viewer.js';
import type { Account } from '../accounts/account.js';
import type { LiveSession } from './session.js';
import { SessionCookie, sessionSecretHash } from './session-cookie.js';
import { SessionLimits } from './session-limits.js';
import { SessionStore } from './session.store.js';

/** Turns a request's cookie into its viewer. */
@Injectable()
export class RequestViewer {
  readonly #accounts = new WeakMap<AccountViewer, Account>();

  constructor(
    private readonly cookie: SessionCookie,
    private readonly store: SessionStore,
    private readonly limits: SessionLimits,
  ) {}

  /**
   * Called once for each HTTP request. Costs nothing without a cookie, one indexed query with one,
   * and at most once a minute a write that keeps the session from idling.
   *
   * @returns null for a visitor: no cookie, a malformed one, or one whose session has ended
   * @throws UnavailableError when the database is unavailable: nobody is then taken for a visitor
   */
  async fromCookie(cookieHeader: string | undefined): Promise<AccountViewer | null> {
    const secret = this.cookie.read(cookieHeader);
    if (!secret) return null;
    const session = await this.store.findBySecretHash(sessionSecretHash(secret));
    if (!session) return null;
    await this.#keepFromIdling(session);
    const viewer = accountViewer(session.account.id, session.id);
    this.#accounts.set(viewer, session.account);
    return viewer;
  }

  /** The account that {@link fromCookie} found beside a viewer; null for a viewer of another making. */
  accountOf(viewer: AccountViewer): Account | null {
    return this.#accounts.get(viewer) ?? null;
  }

  async #keepFromIdling(session: LiveSession): Promise<void> {
    if (session.lastSeenAt < this.limits.touchBefore(new Date())) await this.store.touch(session.id);
  }
}
