import { Injectable } from '@nestjs/common';
import { InvalidCredentialsError } from '../../errors/sallyport.errors.js';
import { addressBlock } from '../../viewer/client-address.js';
import { AddressThrottle } from '../throttle/address.throttle.js';
import { PasswordThrottle } from '../throttle/password.throttle.js';
import { AccountService } from './account.service.js';
import type { VerifiedAccount } from './account.js';
import { normalizeEmail } from './email.js';
import { PasswordHasher } from './password.hasher.js';

/** The passwords that come over the network: {@link AccountService} behind the throttles. */
@Injectable()
export class CredentialService {
  constructor(
    private readonly accounts: AccountService,
    private readonly hasher: PasswordHasher,
    private readonly addresses: AddressThrottle,
    private readonly passwords: PasswordThrottle,
  ) {}

  /** {@link AccountService.register}, counted per address. Throws TooManyRequestsError, too. */
  async register(email: string, password: string, address: string): Promise<VerifiedAccount> {
    await this.addresses.count('register', address);
    return this.hasher.admit(() => this.accounts.register(email, password));
  }

  /**
   * {@link AccountService.verify}, counted per address and per account, whether there is such an account or not.
   * An address from which somebody is signed in to the account is counted apart: strangers who guess
   * cannot keep the owner from signing in where they are known.
   *
   * @throws TooManyRequestsError, and what `verify` throws
   */
  async verify(email: string, password: string, address: string): Promise<VerifiedAccount> {
    await this.addresses.count('login', address);
    await this.addresses.refuseSpent('failedLogin', address);
    try {
      return await this.hasher.admit(async () => {
        const known = await this.accounts.isKnownAddress(email, address);
        const subject = `login ${normalizeEmail(email) ?? email}${known ? ` ${addressBlock(address)}` : ''}`;
        return this.passwords.guess(subject, () => this.accounts.verify(email, password));
      });
    } catch (error) {
      // Counted when it has failed, so that a whole office that signs in at once is not in its own way.
      if (error instanceof InvalidCredentialsError) await this.addresses.retryAfter('failedLogin', address);
      throw error;
    }
  }

  /**
   * {@link AccountService.confirm}, counted per address and per account, apart from sign-ins: strangers who guess
   * cannot keep the owner from changing the password.
   *
   * @throws TooManyRequestsError, and what `confirm` throws
   */
  async confirm(userId: string, password: string, field: string, address: string): Promise<VerifiedAccount> {
    await this.addresses.count('password', address);
    const confirm = () => this.accounts.confirm(userId, password, field);
    return this.hasher.admit(() => this.passwords.guess(`confirm ${userId}`, confirm));
  }
}
