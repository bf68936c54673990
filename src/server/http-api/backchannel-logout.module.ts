import { Module } from '@nestjs/common';
import { IssuerModule } from '../../identity/issuers/issuer.module.js';
import { RateLimitModule } from '../../live/rate-limit/rate-limit.module.js';
import { BackchannelLogoutController, BackchannelLogoutRule } from './backchannel-logout.controller.js';

/** `POST /oidc/backchannel-logout`. */
@Module({
  imports: [IssuerModule, RateLimitModule],
  controllers: [BackchannelLogoutController],
  providers: [BackchannelLogoutRule],
})
export class BackchannelLogoutModule {}
