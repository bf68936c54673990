import { Module } from '@nestjs/common';
import { IssuerModule } from '../../identity/issuers/issuer.module.js';
import { RateLimitModule } from '../../live/rate-limit/rate-limit.module.js';
import { BackchannelLogoutController } from './backchannel-logout.controller.js';
import { BackchannelLogoutRule } from './backchannel-logout.rule.js';

/** `POST /oidc/backchannel-logout`. */
@Module({
  imports: [IssuerModule, RateLimitModule],
  controllers: [BackchannelLogoutController],
  providers: [BackchannelLogoutRule],
})
export class BackchannelLogoutModule {}
