import { Module } from '@nestjs/common';
import { AccountModule } from './account/account.module.js';
import { MeModule } from './me/me.module.js';
import { SessionModule } from './session/session.module.js';
import { ThrottleModule } from './throttle/throttle.module.js';
import { TokenModule } from './token/token.module.js';

/** The first way in: accounts with passwords. Other rooms get sessions, tokens and keys through this one import. */
@Module({
  imports: [ThrottleModule, AccountModule, SessionModule, TokenModule, MeModule],
  exports: [ThrottleModule, AccountModule, SessionModule, TokenModule],
})
export class AuthModule {}
