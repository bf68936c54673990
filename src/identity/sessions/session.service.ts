import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { InvalidCredentialsError } from '../../live/errors/sallyport.errors.js';
import { AuditLog } from '../../live/logging/audit-log.js';
import type { ClientFacts } from '../../live/viewer/graphql-context.js';
import type { VerifiedAccount } from '../accounts/account.js';
import { generateSessionSecret, sessionSecretHash } from './session-cookie.js';
import { EndedSessions, type EndCause } from './ended-sessions.js';
import { isUuid } from '../database/schema.js';
import type { ListedSession } from './session.js';
import { SessionStore } from './session.store.js';

/** A new session. */
export interface OpenedSession {
  readonly id: string;
  /** The cookie's value; not stored. */
  readonly secret: string;
}

/** Opens and ends sessions. Ended sessions are announced before the method resolves. */
@Injectable()
export class SessionService {
  constructor(
    private readonly store: SessionStore,
    private readonly endedSessions: EndedSessions,
    private readonly audit: AuditLog,
  ) {}

  /**
   * Opens a session for an account whose password has just been verified. The id and the secret are always new,
   * and the session that the request presented ends.
   *
   * @throws InvalidCredentialsError when the account has changed since it was verified; UnavailableError
   */
  async open(account: VerifiedAccount, client: ClientFacts, presentedId: string | null): Promise<OpenedSession> {
    const secret = generateSessionSecret();
    const id = randomUUID();
    const session = { id, secretHash: sessionSecretHash(secret), userAgent: client.userAgent, ip: client.address };
    const ended = await this.store.open(account, session, presentedId);
    if (!ended) {
      throw new InvalidCredentialsError(undefined, { reason: 'account-changed', userId: account.id });
    }
    const who = { address: client.address, by: 'owner' } as const;
    const presented = ended.filter((each) => each.id === presentedId);
    const surplus = ended.filter((each) => each.id !== presentedId);
    // The presented session may be another account's, because several users may sign in with one browser.
    await this.endedSessions.announceEach(presented, { ...who, reason: 'new-sign-in' });
    await this.endedSessions.announceEach(surplus, { ...who, reason: 'too-many' });
    this.audit.record('sign-in', { ...who, viewer: `user:${account.id}`, session: id });
    return { id, secret };
  }

  /** The open sessions of an account, the most recently used first. */
  list(userId: string): Promise<ListedSession[]> {
    return this.store.list(userId);
  }

  /**
   * Ends one session; returns whether it existed. Ending it again does nothing, and neither does text that is not an
   * id.
   */
  async end(sessionId: string, cause: Omit<EndCause, 'viewer'>): Promise<boolean> {
    const ended = isUuid(sessionId) ? await this.store.end(sessionId) : null;
    if (!ended) return false;
    await this.endedSessions.announceEach([ended], cause);
    return true;
  }
}
