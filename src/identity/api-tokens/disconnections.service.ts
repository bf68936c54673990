import { Inject, Injectable } from '@nestjs/common';
import { AuditLog } from '../../live/logging/audit-log.js';
import { decodeExternalName, isSource } from '../../live/viewer/external-name.js';
import { isExternalSession, externalSession } from '../../live/sessions/external-session.js';
import { TokenRevocations } from '../../live/sessions/token-revocations.js';
import type { ViewerId } from '../../live/viewer/viewer.js';
import type { ApiKey } from '../api-keys/api-key.store.js';
import { tokenSources } from '../api-keys/api-key-scopes.js';
import { ApiKeys } from '../api-keys/api-keys.service.js';
import { ISSUERS_CONFIG, type IssuersConfig } from '../identity.config.js';
import { AccountChanges } from '../sessions/account-changes.service.js';
import { userIdOf } from '../sessions/account-viewer.js';
import { isUuid } from '../database/schema.js';
import { SessionService } from '../sessions/session.service.js';

/** Who disconnects, and from where: a backend, by its key's name, or an operator in the console, by theirs. */
export type Disconnector = { readonly address: string } & (
  { readonly by: 'backend'; readonly name: string } | { readonly by: 'operator'; readonly operator: string }
);

/** Implements `POST /disconnect`: ends a viewer's or a session's sockets and tokens on every node. */
@Injectable()
export class Disconnections {
  constructor(
    private readonly revocations: TokenRevocations,
    private readonly accounts: AccountChanges,
    private readonly sessions: SessionService,
    private readonly keys: ApiKeys,
    private readonly audit: AuditLog,
    @Inject(ISSUERS_CONFIG) private readonly config: IssuersConfig,
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
    if (userId === null) await this.revocations.revokeViewer(viewer);
    // An account's sockets and tokens end with its sessions.
    else await this.accounts.revokeSessions(userId, who);
    this.audit.record('disconnected', { viewer, ...disconnector });
  }

  /**
   * Ends one session: an account's by its id, an external one by its whole id `external:<source>:<session>`, or by its
   * name in the sources for which the key may make tokens; for a key without such a scope, in those of all keys,
   * revoked ones included, and of the trusted issuers.
   *
   * @returns false for text that is not a session in any of these forms
   * @throws UnavailableError when a store is unavailable: the same may be sent again
   */
  async endSession(session: string, key: ApiKey, address: string): Promise<boolean> {
    if (isExternalSession(session) ? !isWellFormed(session) : externalSession('any', session) === null) return false;
    // An account's session may have the form of an external one's name; both are ended.
    if (isUuid(session)) await this.sessions.end(session, { reason: 'revoked', by: 'backend', address });
    const external = isExternalSession(session) ? [session] : await this.#sessionsNamed(session, key);
    for (const id of external) await this.revocations.revokeSession(id);
    this.audit.record('disconnected', { by: 'backend', name: key.name, address, session });
    return true;
  }

  async #sessionsNamed(name: string, key: ApiKey): Promise<readonly string[]> {
    const own = tokenSources(key.scopes);
    const sources = own.length > 0 ? own : await this.#allSources();
    return [...new Set(sources)].flatMap((source) => externalSession(source, name) ?? []);
  }

  async #allSources(): Promise<readonly string[]> {
    return [...(await this.keys.tokenSources()), ...this.config.issuers.map(({ source }) => source)];
  }
}

/** Whether source and session of an external session's id have their canonical spelling. */
function isWellFormed(id: string): boolean {
  const [, source = '', name = ''] = /^external:([^:]*):(.*)$/.exec(id) ?? [];
  return isSource(source) && decodeExternalName(name) !== null;
}
