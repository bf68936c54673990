import { Injectable } from '@nestjs/common';
import { Disconnections } from '../../identity/api-tokens/disconnections.service.js';
import { userIdOf } from '../../identity/sessions/account-viewer.js';
import { SessionService } from '../../identity/sessions/session.service.js';
import { NotFoundError } from '../../live/errors/sallyport.errors.js';
import type { ViewerId } from '../../live/viewer/viewer.js';
import { OperatorScopes } from './operator-scopes.js';
import type { Operator } from './operator.js';

/** The scope for both actions, as for `POST /disconnect`. */
const SCOPE = 'disconnect';

/** What an operator does to a viewer. Every method throws ForbiddenError without the scope, and UnavailableError. */
@Injectable()
export class ViewerActions {
  constructor(
    private readonly scopes: OperatorScopes,
    private readonly sessions: SessionService,
    private readonly disconnections: Disconnections,
  ) {}

  /** Ends everything of a viewer, as `POST /disconnect` does: sockets, tokens, and an account's sessions. */
  async disconnect(operator: Operator, viewer: ViewerId): Promise<void> {
    this.scopes.require(operator, SCOPE);
    const { key, address } = operator;
    await this.disconnections.endViewer(viewer, { by: 'operator', operator: key.name, address });
  }

  /** Ends one session of an account. @throws NotFoundError for a session that the account does not have */
  async revokeSession(operator: Operator, viewer: ViewerId, sessionId: string): Promise<void> {
    this.scopes.require(operator, SCOPE);
    const userId = userIdOf(viewer);
    const own = userId === null ? [] : await this.sessions.list(userId);
    const isOwn = own.some(({ id }) => id === sessionId);
    const { key, address } = operator;
    const cause = { reason: 'revoked', by: 'operator', address, operator: key.name } as const;
    if (!isOwn || !(await this.sessions.end(sessionId, cause)))
      throw new NotFoundError('The session has ended already.');
  }
}
