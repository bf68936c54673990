import { Module } from '@nestjs/common';
import { AccountService } from './account.service.js';
import { AccountStore } from './account.store.js';
import { PasswordHasher } from './password.hasher.js';

/** Accounts: who exists, and whether a password is theirs. */
@Module({
  providers: [AccountStore, PasswordHasher, AccountService],
  exports: [AccountService, PasswordHasher],
})
export class AccountModule {}
