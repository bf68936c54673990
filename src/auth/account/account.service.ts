import { Injectable } from '@nestjs/common';
import { EmailTakenError, InvalidCredentialsError } from '../../errors/sallyport.errors.js';
import { AccountStore } from './account.store.js';
import type { Account, VerifiedAccount } from './account.js';
import { normalizeEmail, requireEmail } from './email.js';
import { PasswordHasher } from './password.hasher.js';
import { requireAcceptable, requirePresentable } from './password-policy.js';

/** Makes accounts and verifies who owns them. */
@Injectable()
export class AccountService {
  constructor(
    private readonly store: AccountStore,
    private readonly hasher: PasswordHasher,
  ) {}

  /**
   * Makes an account. A taken e-mail is said to be taken; docs/decisions tells why.
   *
   * @throws BadUserInputError naming `email` or `password`; EmailTakenError; UnavailableError
   */
  async register(email: string, password: string): Promise<VerifiedAccount> {
    const normalized = requireEmail(email);
    requireAcceptable(password, 'password');
    const account = await this.store.add(normalized, await this.hasher.hash(password));
    if (!account) throw new EmailTakenError();
    return account;
  }

  /**
   * Whose e-mail and password these are. An unknown e-mail, text that is no e-mail, a wrong password and a disabled
   * account take the same work and get the same answer.
   *
   * @throws InvalidCredentialsError; BadUserInputError naming `password` when it is longer than any password; UnavailableError
   */
  async verify(email: string, password: string): Promise<VerifiedAccount> {
    requirePresentable(password, 'password');
    const normalized = normalizeEmail(email);
    const account = await this.store.findByEmail(normalized ?? '');
    const matches = await this.hasher.verify(account?.passwordHash ?? null, password);
    if (!account || !matches || account.disabledAt) throw new InvalidCredentialsError();
    return account;
  }

  /** The account with an e-mail, however it is spelled; null when there is none. */
  async find(email: string): Promise<Account | null> {
    const normalized = normalizeEmail(email);
    return normalized === null ? null : this.store.findByEmail(normalized);
  }
}
