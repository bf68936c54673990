import { Injectable } from '@nestjs/common';
import { EmailTakenError, InvalidCredentialsError } from '../../live/errors/sallyport.errors.js';
import { AccountStore } from './account.store.js';
import type { AccountRow, Account, ListedAccount, VerifiedAccount } from './account.js';
import { normalizeEmail, requireEmail } from './email.js';
import { InvalidInvitationError, Invitations } from './invitations.js';
import { PasswordHasher } from './password.hasher.js';
import { requireAcceptable, requirePresentable } from './password-policy.js';

/** Creates accounts and verifies their passwords. */
@Injectable()
export class AccountService {
  constructor(
    private readonly store: AccountStore,
    private readonly hasher: PasswordHasher,
    private readonly invitations: Invitations,
  ) {}

  /**
   * Creates an account if registration is allowed; see {@link Invitations.require}. Reveals that an e-mail is taken.
   *
   * @throws what {@link create} and {@link Invitations.require} throw
   */
  async register(email: string, password: string, invitation: string | null): Promise<VerifiedAccount> {
    const codeHash = await this.invitations.require(invitation);
    if (codeHash === null) return this.create(email, password);
    const normalized = requireEmail(email);
    const passwordHash = await this.hashNew(password, normalized, 'password');
    const account = await this.store.addInvited(normalized, passwordHash, codeHash);
    if (account === 'taken') throw new EmailTakenError();
    if (account === 'no-invitation') throw new InvalidInvitationError();
    return account;
  }

  /**
   * Creates an account, regardless of `REGISTRATION`. Reveals that an e-mail is taken; see docs/decisions.
   *
   * @throws BadUserInputError naming `email` or `password`; EmailTakenError; UnavailableError
   */
  async create(email: string, password: string): Promise<VerifiedAccount> {
    const normalized = requireEmail(email);
    const account = await this.store.add(normalized, await this.hashNew(password, normalized, 'password'));
    if (!account) throw new EmailTakenError();
    return account;
  }

  /**
   * Finds the account with this e-mail and password. An unknown e-mail, invalid text, a wrong password and a disabled
   * account take the same work and get the same answer. Rehashes a password with older parameters.
   *
   * @throws InvalidCredentialsError; UnavailableError; BadUserInputError naming `password` when it is longer than any
   * password may be
   */
  async verify(email: string, password: string): Promise<VerifiedAccount> {
    requirePresentable(password, 'password');
    const account = await this.store.findByEmail(normalizeEmail(email) ?? '');
    return this.#verified(account, password);
  }

  /**
   * Verifies the password of a signed-in account.
   *
   * @param field the argument that holds the password, for BadUserInputError
   * @throws what {@link verify} throws
   */
  async confirm(userId: string, password: string, field: string): Promise<VerifiedAccount> {
    requirePresentable(password, field);
    return this.#verified(await this.store.findById(userId), password, 'The password is wrong.');
  }

  /** Checks a new password by the rules and hashes it. Throws BadUserInputError naming `field`, or UnavailableError. */
  async hashNew(password: string, email: string, field: string): Promise<string> {
    requireAcceptable(password, email, field);
    return this.hasher.hash(password);
  }

  /** The account with an e-mail, in any spelling; null if there is none. */
  async find(email: string): Promise<Account | null> {
    const normalized = normalizeEmail(email);
    return normalized === null ? null : this.store.findByEmail(normalized);
  }

  /** The account with this id, for operators; disabled ones included. Null if there is none. */
  async findById(userId: string): Promise<ListedAccount | null> {
    const account = await this.store.findById(userId);
    if (!account) return null;
    const { id, email, createdAt, disabledAt } = account;
    return { id, email, createdAt, disabledAt };
  }

  /**
   * Accounts sorted by e-mail, for operators; disabled ones included.
   *
   * @param after only e-mails that sort after this one, in its normalised spelling; '' for the first page
   * @param limit the most that are returned
   */
  list(after: string, limit: number): Promise<readonly ListedAccount[]> {
    return this.store.list(normalizeEmail(after) ?? after, limit);
  }

  async #verified(account: AccountRow | null, password: string, refusal?: string): Promise<VerifiedAccount> {
    const matches = await this.hasher.verify(account?.passwordHash ?? null, password);
    if (!account || !matches || account.disabledAt) {
      const reason = !account ? 'unknown-email' : matches ? 'account-disabled' : 'wrong-password';
      throw new InvalidCredentialsError(refusal, { reason, userId: account?.id ?? null });
    }
    if (!this.hasher.isOutdated(account.passwordHash)) return account;
    const passwordHash = await this.hasher.hash(password);
    const replaced = await this.store.replaceHash(account.id, account.passwordHash, passwordHash);
    if (replaced) return { ...account, passwordHash };
    // Another sign-in has replaced it, or the password has just been changed.
    return this.#verified(await this.store.findById(account.id), password, refusal);
  }
}
