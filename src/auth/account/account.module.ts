import { Module } from '@nestjs/common';
import { ThrottleModule } from '../throttle/throttle.module.js';
import { AccountService } from './account.service.js';
import { AccountStore } from './account.store.js';
import { CredentialService } from './credential.service.js';
import { PasswordHasher } from './password.hasher.js';

/** Accounts: who exists, and whether a password is theirs. */
@Module({
  imports: [ThrottleModule],
  providers: [AccountStore, PasswordHasher, AccountService, CredentialService],
  exports: [AccountService, CredentialService, PasswordHasher],
})
export class AccountModule {}
