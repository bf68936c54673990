import { Injectable } from '@nestjs/common';
import { AccountService } from '../../identity/accounts/account.service.js';
import { isUuid } from '../../identity/database/schema.js';
import { userIdOf } from '../../identity/sessions/account-viewer.js';
import type { ListedSession } from '../../identity/sessions/session.js';
import { SessionService } from '../../identity/sessions/session.service.js';
import { Presence } from '../../live/presence/presence.js';
import { externalViewer } from '../../live/viewer/external-viewer.js';
import { parseViewerId, type ViewerId } from '../../live/viewer/viewer.js';
import { TopicLookUp, type TopicState } from './topic-look-up.js';

/** The longest text that is looked up. */
const MAX_QUERY_LENGTH = 1_000;

/** What is known of one viewer. Dates are ISO 8601 in JSON. */
export interface ViewerAnswer {
  readonly viewer: ViewerId;
  /** Null if the viewer is not an account, or the account does not exist. */
  readonly account: { readonly email: string; readonly createdAt: Date; readonly disabledAt: Date | null } | null;
  /** Open sockets over all nodes. */
  readonly connections: number;
  /** When the oldest of them opened. */
  readonly since: Date | null;
  /** The account's open sessions; null for a viewer that is not an account: its sessions are elsewhere. */
  readonly sessions: readonly ListedSession[] | null;
  readonly topics: readonly TopicState[];
}

/** Finds a viewer and what belongs to it. Every method throws UnavailableError when a store is unavailable. */
@Injectable()
export class ViewerLookUp {
  constructor(
    private readonly accounts: AccountService,
    private readonly sessions: SessionService,
    private readonly presence: Presence,
    private readonly topics: TopicLookUp,
  ) {}

  /**
   * The viewer that an operator means: by viewer id, account id, e-mail, or `<source>:<subject>` as the source writes
   * the subject. Null if there is none. A well-formed viewer id is always found, even if that viewer has never
   * connected.
   */
  async find(text: string): Promise<ViewerId | null> {
    const query = text.trim();
    if (query.length > MAX_QUERY_LENGTH) return null;
    const id = parseViewerId(query) ?? (isUuid(query) ? (`user:${query}` as const) : null);
    if (id) return id;
    const account = await this.accounts.find(query);
    if (account) return `user:${account.id}`;
    const [, source = '', subject = ''] = /^([^:]+):(.+)$/s.exec(query) ?? [];
    const isKind = source === 'user' || source === 'customer' || source === 'external';
    return isKind ? null : (externalViewer(source, subject)?.id ?? null);
  }

  /** What is known of a viewer. */
  async describe(viewer: ViewerId): Promise<ViewerAnswer> {
    const userId = userIdOf(viewer);
    const [account, sessions, connected, topics] = await Promise.all([
      userId === null ? null : this.accounts.findById(userId),
      userId === null ? null : this.sessions.list(userId),
      this.presence.among([viewer]),
      this.topics.all(viewer),
    ]);
    const sockets = connected.get(viewer);
    return {
      viewer,
      account: account && { email: account.email, createdAt: account.createdAt, disabledAt: account.disabledAt },
      connections: sockets?.connections ?? 0,
      since: sockets?.since ?? null,
      sessions,
      topics,
    };
  }
}
