import { Injectable } from '@nestjs/common';
import { AuditLog } from '../../live/logging/audit-log.js';
import { NotFoundError, BadUserInputError } from '../../live/errors/sallyport.errors.js';
import type { Account } from '../accounts/account.js';
import { AccountService } from '../accounts/account.service.js';
import { AccountChangesStore } from './account-changes.store.js';
import { EndedSessions, type EndCause } from './ended-sessions.js';
import type { AccountViewer } from './account-viewer.js';
import { CredentialService } from '../accounts/credential.service.js';
import { generateSessionSecret, sessionSecretHash } from './session-cookie.js';
import { isUuid } from '../database/schema.js';

/**
 * Owners' changes to their own account and sessions. Sessions that end are announced before a method resolves. Every
 * method throws UnauthenticatedError if the viewer's session has ended in the meantime, and UnavailableError.
 */
@Injectable()
export class OwnAccount {
  constructor(
    private readonly credentials: CredentialService,
    private readonly store: AccountChangesStore,
    private readonly ended: EndedSessions,
    private readonly audit: AuditLog,
  ) {}

  /** Ends one of the viewer's sessions; false for any other id or text. */
  async endSession(viewer: AccountViewer, sessionId: string, address: string): Promise<boolean> {
    if (!isUuid(sessionId)) return false;
    const ended = await this.store.endOwn(viewer, sessionId);
    return (await this.ended.announce(ended, causedBy(viewer, 'revoked', address))) > 0;
  }

  /** Ends all sessions of the viewer except this one; returns how many. */
  async endOtherSessions(viewer: AccountViewer, address: string): Promise<number> {
    return this.ended.announce(await this.store.endOthers(viewer), causedBy(viewer, 'revoked', address));
  }

  /**
   * Changes the password and ends all other sessions. This one stays, with a new secret.
   *
   * @param address the client's, for the rate limit and the audit log
   * @returns the secret that the cookie must carry from now on
   * @throws InvalidCredentialsError; BadUserInputError naming `current` or `next`; TooManyRequestsError
   */
  async changePassword(viewer: AccountViewer, current: string, next: string, address: string): Promise<string> {
    const account = await this.credentials.confirm(viewer.userId, current, 'current', address);
    if (next === current) throw new BadUserInputError('next', 'This is your password already: choose another one.');
    const to = await this.credentials.hashNew(next, account.email, address);
    const secret = generateSessionSecret();
    const change = { from: account.passwordHash, to, secretHash: sessionSecretHash(secret) };
    const ended = await this.store.changePassword(viewer, change);
    this.audit.record('password-changed', { viewer: viewer.id, session: viewer.sessionId, address, by: 'owner' });
    await this.ended.announce(ended, causedBy(viewer, 'password-changed', address));
    return secret;
  }

  /**
   * Deletes the account with all its sessions.
   *
   * @param address the client's, for the rate limit and the audit log
   * @throws InvalidCredentialsError; BadUserInputError naming `password`; TooManyRequestsError
   */
  async delete(viewer: AccountViewer, password: string, address: string): Promise<void> {
    const account = await this.credentials.confirm(viewer.userId, password, 'password', address);
    const ended = await this.store.delete(viewer, account.passwordHash);
    this.audit.record('account-deleted', { viewer: viewer.id, session: viewer.sessionId, address, by: 'owner' });
    await this.ended.announce(ended, causedBy(viewer, 'account-deleted', address));
  }
}

function causedBy(viewer: AccountViewer, reason: EndCause['reason'], address: string): EndCause {
  return { reason, by: 'owner', viewer: viewer.id, address };
}

/** Operators' changes to accounts. Sessions that end are announced before a method resolves. */
@Injectable()
export class AccountChanges {
  constructor(
    private readonly accounts: AccountService,
    private readonly store: AccountChangesStore,
    private readonly ended: EndedSessions,
    private readonly audit: AuditLog,
  ) {}

  /** @throws NotFoundError when no account has this e-mail */
  async find(email: string): Promise<Account> {
    const account = await this.accounts.find(email);
    if (!account) throw new NotFoundError('There is no account with this e-mail.');
    return account;
  }

  /**
   * Disables an account: ends all its sessions and refuses sign-ins until it is enabled again.
   *
   * @returns how many sessions ended
   * @throws NotFoundError
   */
  async disable(email: string): Promise<number> {
    const { id } = await this.find(email);
    const ended = await this.store.disable(id);
    const cause = { by: 'operator', viewer: `user:${id}` } as const;
    this.audit.record('account-disabled', cause);
    return this.ended.announce(ended, { ...cause, reason: 'account-disabled' });
  }

  /** Enables an account again. @throws NotFoundError */
  async enable(email: string): Promise<void> {
    const { id } = await this.find(email);
    await this.store.enable(id);
    this.audit.record('account-enabled', { by: 'operator', viewer: `user:${id}` });
  }

  /** Revokes all sessions of an account; returns how many. @throws NotFoundError */
  async revokeSessionsOf(email: string): Promise<number> {
    const { id } = await this.find(email);
    return this.revokeSessions(id, { by: 'operator' });
  }

  /** Revokes all sessions of an account by its id; returns how many, 0 for an unknown account. */
  async revokeSessions(userId: string, who: Omit<EndCause, 'reason' | 'viewer'>): Promise<number> {
    const ended = await this.store.endAll(userId);
    return this.ended.announce(ended, { ...who, reason: 'revoked', viewer: `user:${userId}` });
  }
}
