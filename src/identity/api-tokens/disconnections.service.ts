import { Injectable } from '@nestjs/common';
import { AuditLog } from '../../live/logging/audit-log.js';
import type { ViewerId } from '../../live/viewer/viewer.js';
import type { ApiKey } from '../api-keys/api-key.store.js';
import { isUuid } from '../database/schema.js';
import { AccountChanges } from '../sessions/account-changes.service.js';
import { userIdOf } from '../sessions/account-viewer.js';
import { SessionService } from '../sessions/session.service.js';
import { ExternalDisconnections } from './external-disconnections.js';

/** Who disconnects, and from where: a backend, by its key's name, or an operator in the console, by theirs. */
export type Disconnector = { readonly address: string } & (
  { readonly by: 'backend'; readonly name: string } | { readonly by: 'operator'; readonly operator: string }
);

/** Ends a viewer's or a session's sockets and tokens on every node: `POST /disconnect`, and the console's button. */
@Injectable()
export class Disconnections {
  constructor(
    private readonly accounts: AccountChanges,
    private readonly sessions: SessionService,
    private readonly external: ExternalDisconnections,
    private readonly audit: AuditLog,
  ) {}

  /**
   * Ends everything of a viewer: tokens issued so far are revoked, and sockets close with 4401. An account's sessions
   * end as well.
   *
   * @throws UnavailableError when a store is unavailable: the same may be sent again
   */
  async endViewer(viewer: ViewerId, disconnector: Disconnector): Promise<void> {
    const userId = userIdOf(viewer);
    const { by, address } = disconnector;
    const who = by === 'operator' ? { by, address, operator: disconnector.operator } : { by, address };
    if (userId === null) await this.external.endViewer(viewer);
    // An account's sockets and tokens end with its sessions.
    else await this.accounts.revokeSessions(userId, who);
    this.audit.record('disconnected', { viewer, ...disconnector });
  }

  /**
   * Ends one session: an account's by its id, or an external one by its whole id or its name: see
   * {@link ExternalDisconnections.endSession}.
   *
   * @returns false for text that is not a session in any of these forms
   * @throws UnavailableError when a store is unavailable: the same may be sent again
   */
  async endSession(session: string, key: ApiKey, address: string): Promise<boolean> {
    if (!this.external.isSession(session)) return false;
    // An account's session may have the form of an external one's name; both are ended.
    if (isUuid(session)) await this.sessions.end(session, { reason: 'revoked', by: 'backend', address });
    await this.external.endSession(session, key);
    this.audit.record('disconnected', { by: 'backend', name: key.name, address, session });
    return true;
  }
}
