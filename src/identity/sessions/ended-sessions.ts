import { Injectable } from '@nestjs/common';
import { type AuditActor, AuditLog } from '../../live/logging/audit-log.js';
import { SessionRevocations } from '../../live/sessions/session-revocations.js';

/** Why sessions ended, and by whom. */
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
  /** Whose they were, where that is known. */
  readonly viewer?: string | null;
  readonly address?: string | null;
}

/** What follows when sessions have ended in the database: every node hears of it, and the audit log tells why. */
@Injectable()
export class EndedSessions {
  constructor(
    private readonly endings: SessionRevocations,
    private readonly audit: AuditLog,
  ) {}

  /** Called before the request is answered. Never throws; tells how many there were. */
  async announce(sessionIds: readonly string[], cause: EndCause): Promise<number> {
    await this.endings.announce(sessionIds);
    for (const session of sessionIds) this.audit.record('session-ended', { ...cause, session });
    return sessionIds.length;
  }
}
