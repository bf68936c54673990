import { Module } from '@nestjs/common';
import { AccountModule } from './accounts/account.module.js';
import { SignInModule } from './sign-in/sign-in.module.js';
import { SessionModule } from './sessions/session.module.js';
import { RateLimitModule } from '../live/rate-limit/rate-limit.module.js';
import { TokenModule } from '../live/tokens/token.module.js';

/** Accounts with passwords. Other modules get sessions, tokens and keys through this import. */
@Module({
  imports: [RateLimitModule, AccountModule, SessionModule, TokenModule, SignInModule],
  exports: [RateLimitModule, AccountModule, SessionModule, TokenModule],
})
export class AccountsModule {}
