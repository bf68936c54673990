import { Module } from '@nestjs/common';
import { ThrottleModule } from '../../live/rate-limit/throttle.module.js';
import { DatabaseModule } from '../database/database.module.js';
import { AccountService } from './account.service.js';
import { AccountStore } from './account.store.js';
import { CredentialService } from './credential.service.js';
import { InvitationStore } from './invitation.store.js';
import { Invitations } from './invitations.js';
import { PasswordHasher } from './password.hasher.js';
import { CredentialThrottle } from './credential.throttle.js';
import { PasswordThrottle } from './password.throttle.js';

/** Accounts: who exists, and whether a password is theirs. */
@Module({
  imports: [DatabaseModule, ThrottleModule],
  providers: [
    AccountStore,
    PasswordHasher,
    PasswordThrottle,
    CredentialThrottle,
    InvitationStore,
    Invitations,
    AccountService,
    CredentialService,
  ],
  exports: [AccountService, CredentialService, Invitations, PasswordHasher],
})
export class AccountModule {}
