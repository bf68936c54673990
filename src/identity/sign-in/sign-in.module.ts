import { Module } from '@nestjs/common';
import { AccountModule } from '../accounts/account.module.js';
import { SessionModule } from '../sessions/session.module.js';
import { RateLimitModule } from '../../live/rate-limit/rate-limit.module.js';
import { TokenModule } from '../../live/tokens/token.module.js';
import { FeedsModule } from '../../live/feeds/feeds.module.js';
import { MeResolver } from './me.resolver.js';
import { OwnAccountResolver } from './own-account.resolver.js';
import { RegistrationResolver } from './registration.resolver.js';
import { SessionsResolver } from '../sessions/sessions.resolver.js';
import { DeviceCookie } from './device-cookie.js';
import { SignInCookies } from './sign-in-cookies.js';
import { SignInResolver } from './sign-in.resolver.js';
import { SignInService } from './sign-in.service.js';

/** The API of accounts and sessions. */
@Module({
  imports: [AccountModule, SessionModule, RateLimitModule, TokenModule, FeedsModule],
  providers: [
    DeviceCookie,
    SignInCookies,
    SignInService,
    SignInResolver,
    RegistrationResolver,
    MeResolver,
    SessionsResolver,
    OwnAccountResolver,
  ],
})
export class SignInModule {}
