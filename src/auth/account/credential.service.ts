import { Injectable } from '@nestjs/common';
import { addressBlocks } from '../../viewer/client-address.js';
import { CredentialThrottle, type PasswordSource } from '../throttle/credential.throttle.js';
import { AccountService } from './account.service.js';
import type { VerifiedAccount } from './account.js';
import { normalizeEmail } from './email.js';
import type { HashingClaim } from './hashing-queue.js';
import { PasswordHasher } from './password.hasher.js';

/** The passwords that come over the network: {@link AccountService} behind the throttles and the queue for hashing. */
@Injectable()
export class CredentialService {
  constructor(
    private readonly accounts: AccountService,
    private readonly hasher: PasswordHasher,
    private readonly throttle: CredentialThrottle,
  ) {}

  /** {@link AccountService.register}, counted per address. Throws TooManyRequestsError, too. */
  async register(email: string, password: string, address: string): Promise<VerifiedAccount> {
    await this.throttle.register(address);
    return this.hasher.admit(claimOf(address, false), () => this.accounts.register(email, password));
  }

  /** {@link AccountService.verify} behind {@link CredentialThrottle.signIn}. Throws what both throw. */
  verify(email: string, password: string, source: PasswordSource): Promise<VerifiedAccount> {
    const claim = claimOf(source.address, source.known !== null);
    const verify = () => this.hasher.admit(claim, () => this.accounts.verify(email, password));
    return this.throttle.signIn(normalizeEmail(email) ?? email, source, verify);
  }

  /** {@link AccountService.confirm} behind {@link CredentialThrottle.confirm}. Throws what both throw. */
  confirm(userId: string, password: string, field: string, address: string): Promise<VerifiedAccount> {
    const confirm = () => this.accounts.confirm(userId, password, field);
    return this.throttle.confirm(userId, address, () => this.hasher.admit(claimOf(address, true), confirm));
  }
}

function claimOf(address: string, known: boolean): HashingClaim {
  return { known, network: addressBlocks(address).at(-1) ?? address };
}
