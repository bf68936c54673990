import { Injectable } from '@nestjs/common';
import { type AuditActor, AuditLog } from '../../live/logging/audit-log.js';
import { SessionRevocations } from '../../live/sessions/session-revocations.js';

/** Why sessions ended, and who ended them. */
export interface EndCause {
  readonly reason:
    | 'signed-out'
    | 'new-sign-in'
    | 'too-many'
    | 'revoked'
    | 'password-changed'
    | 'account-deleted'
    | 'account-disabled'
    | 'expired';
  readonly by: AuditActor;
  /** The account, if known. */
  readonly viewer?: string | null;
  readonly address?: string | null;
  /** The name of an operator's key, if it was done in the console. */
  readonly operator?: string;
}

/** A session that has ended, and its account's id. */
export interface EndedSession {
  readonly id: string;
  readonly userId: string;
}

/** Handles sessions that have ended in the database: notifies every node and writes the audit log. */
@Injectable()
export class EndedSessions {
  constructor(
    private readonly revocations: SessionRevocations,
    private readonly audit: AuditLog,
  ) {}

  /** Called before the request is answered. Never throws; returns the number of sessions. */
  async announce(sessionIds: readonly string[], cause: EndCause): Promise<number> {
    await this.revocations.announce(sessionIds);
    for (const session of sessionIds) this.audit.record('session-ended', { ...cause, session });
    return sessionIds.length;
  }

  /** As {@link announce}, for sessions of any accounts. */
  async announceEach(ended: readonly EndedSession[], cause: Omit<EndCause, 'viewer'>): Promise<void> {
    await this.revocations.announce(ended.map(({ id }) => id));
    for (const { id, userId } of ended)
      this.audit.record('session-ended', { ...cause, viewer: `user:${userId}`, session: id });
  }
}
