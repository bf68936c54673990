import { hash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import {
  EmailTakenError,
  ForbiddenError,
  InvalidCredentialsError,
  TooManyRequestsError,
} from '../../live/errors/sallyport.errors.js';
import { type AuditEvent, type AuditEntry, AuditLog, limitOf } from '../../live/logging/audit-log.js';
import { networkOf } from '../../live/viewer/client-address.js';
import { CredentialRateLimit, type PasswordSource } from './credential.rate-limit.js';
import { AccountService } from './account.service.js';
import type { VerifiedAccount } from './account.js';
import { normalizeEmail } from './email.js';
import { InvalidInvitationError } from './invitations.js';
import { PasswordHasher } from './password.hasher.js';

/** What a new account is registered with. */
export interface NewAccount {
  readonly email: string;
  readonly password: string;
  /** The code of an invitation, if one is required. */
  readonly invitation: string | null;
}

/** Handles passwords from the network: {@link AccountService} with rate limits, the hashing queue and the audit log. */
@Injectable()
export class CredentialService {
  constructor(
    private readonly accounts: AccountService,
    private readonly hasher: PasswordHasher,
    private readonly rateLimit: CredentialRateLimit,
    private readonly audit: AuditLog,
  ) {}

  /** {@link AccountService.register}, counted per address. Also throws TooManyRequestsError. */
  async register({ email, password, invitation }: NewAccount, address: string): Promise<VerifiedAccount> {
    try {
      await this.rateLimit.register(address);
      const register = () => this.accounts.register(email, password, invitation);
      const account = await this.hasher.admit({ known: false, network: networkOf(address) }, register);
      this.audit.record('registered', { viewer: `user:${account.id}`, address, by: 'owner' });
      return account;
    } catch (error) {
      const reason = whyNotRegistered(error);
      if (reason) this.audit.record('registration-refused', { address, reason, subject: pseudonym(email) });
      throw error;
    }
  }

  /** {@link AccountService.verify} behind {@link CredentialRateLimit.signIn}. Throws what both throw. */
  async verify(email: string, password: string, source: PasswordSource): Promise<VerifiedAccount> {
    const claim = { known: source.known !== null, network: networkOf(source.address) };
    const verify = () => this.hasher.admit(claim, () => this.accounts.verify(email, password));
    const typed = normalizeEmail(email) ?? email;
    try {
      return await this.rateLimit.signIn(typed, source, verify);
    } catch (error) {
      const trail = { address: source.address, subject: pseudonym(email) };
      this.#refused(error, { failed: 'sign-in-failed', throttled: 'sign-in-throttled' }, trail);
      throw error;
    }
  }

  /** {@link AccountService.confirm} behind {@link CredentialRateLimit.confirm}. Throws what both throw. */
  async confirm(userId: string, password: string, field: string, address: string): Promise<VerifiedAccount> {
    const confirm = () => this.accounts.confirm(userId, password, field);
    try {
      return await this.rateLimit.confirm(userId, address, () =>
        this.hasher.admit({ known: true, network: networkOf(address) }, confirm),
      );
    } catch (error) {
      const trail = { address, viewer: `user:${userId}`, by: 'owner' } as const;
      this.#refused(error, { failed: 'password-refused', throttled: 'password-refused' }, trail);
      throw error;
    }
  }

  /** {@link AccountService.hashNew} for the argument `next` of a signed-in account. Throws the same errors. */
  hashNew(next: string, email: string, address: string): Promise<string> {
    return this.hasher.admit({ known: true, network: networkOf(address) }, () =>
      this.accounts.hashNew(next, email, 'next'),
    );
  }

  #refused(error: unknown, events: { readonly failed: AuditEvent; readonly throttled: AuditEvent }, trail: AuditEntry) {
    if (error instanceof TooManyRequestsError) {
      this.audit.record(events.throttled, { ...trail, reason: limitOf(error) });
    }
    if (!(error instanceof InvalidCredentialsError)) return;
    const { reason = 'wrong-password', userId = null } = error.failure ?? {};
    this.audit.record(events.failed, { ...trail, reason, viewer: userId === null ? null : `user:${userId}` });
  }
}

function whyNotRegistered(error: unknown): string | null {
  if (error instanceof TooManyRequestsError) return limitOf(error);
  if (error instanceof EmailTakenError) return 'email-taken';
  if (error instanceof ForbiddenError) return 'closed';
  return error instanceof InvalidInvitationError ? 'no-invitation' : null;
}

/** A hash to correlate log lines about one e-mail without storing it, however it was typed. */
function pseudonym(email: string): string {
  return hash('sha256', normalizeEmail(email) ?? email, 'base64url').slice(0, 12);
}
