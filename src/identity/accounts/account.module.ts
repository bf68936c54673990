import { Module } from '@nestjs/common';
import { RateLimitModule } from '../../live/rate-limit/rate-limit.module.js';
import { DatabaseModule } from '../database/database.module.js';
import { AccountService } from './account.service.js';
import { AccountStore } from './account.store.js';
import { CredentialService } from './credential.service.js';
import { InvitationStore } from './invitation.store.js';
import { Invitations } from './invitations.js';
import { PasswordHasher } from './password.hasher.js';
import { CredentialRateLimit, PasswordRateLimit } from './credential.rate-limit.js';

/** Accounts and the verification of their passwords. */
@Module({
  imports: [DatabaseModule, RateLimitModule],
  providers: [
    AccountStore,
    PasswordHasher,
    PasswordRateLimit,
    CredentialRateLimit,
    InvitationStore,
    Invitations,
    AccountService,
    CredentialService,
  ],
  exports: [AccountService, CredentialService, Invitations, PasswordHasher],
})
export class AccountModule {}
