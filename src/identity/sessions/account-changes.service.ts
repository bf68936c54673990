import { Injectable } from '@nestjs/common';
import { type AuditActor, AuditLog } from '../../live/logging/audit-log.js';
import { NotFoundError } from '../../live/errors/sallyport.errors.js';
import type { Account } from '../accounts/account.js';
import { AccountService } from '../accounts/account.service.js';
import { AccountChangesStore } from './account-changes.store.js';
import { EndedSessions } from './ended-sessions.js';

/** What operators do to accounts. Sessions that end with it are announced before a method resolves. */
@Injectable()
export class AccountChanges {
  constructor(
    private readonly accounts: AccountService,
    private readonly store: AccountChangesStore,
    private readonly ended: EndedSessions,
    private readonly audit: AuditLog,
  ) {}

  /** @throws NotFoundError when nobody has this e-mail */
  async find(email: string): Promise<Account> {
    const account = await this.accounts.find(email);
    if (!account) throw new NotFoundError('Nobody is registered with this e-mail.');
    return account;
  }

  /**
   * Ends every session of an account and keeps it from signing in until it is enabled again.
   *
   * @returns how many sessions ended
   * @throws NotFoundError
   */
  async disable(email: string): Promise<number> {
    const { id } = await this.find(email);
    const ended = await this.store.setDisabled(id, true);
    const cause = { by: 'operator', viewer: `user:${id}` } as const;
    this.audit.record('account-disabled', cause);
    return this.ended.announce(ended, { ...cause, reason: 'account-disabled' });
  }

  /** Lets an account sign in again. @throws NotFoundError */
  async enable(email: string): Promise<void> {
    const { id } = await this.find(email);
    await this.store.setDisabled(id, false);
    this.audit.record('account-enabled', { by: 'operator', viewer: `user:${id}` });
  }

  /** Ends every session of an account; tells how many. @throws NotFoundError */
  async endSessions(email: string): Promise<number> {
    const { id } = await this.find(email);
    return this.revokeSessions(id, 'operator');
  }

  /** Ends every session of an account by its id; tells how many. None for an account that is not there. */
  async revokeSessions(userId: string, by: AuditActor): Promise<number> {
    const ended = await this.store.endAll(userId);
    return this.ended.announce(ended, { reason: 'revoked', by, viewer: `user:${userId}` });
  }
}
