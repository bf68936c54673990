import { Module } from '@nestjs/common';
import { RateLimitModule } from '../../live/rate-limit/rate-limit.module.js';
import { RevocationModule } from '../../live/sessions/revocation.module.js';
import { TokenModule } from '../../live/tokens/token.module.js';
import { AppProxyController } from './app-proxy.controller.js';
import { CustomerRateLimit } from './customer.rate-limit.js';
import { ClientScript, ClientScriptController } from './page/client-script.js';
import { LivePage } from './page/live-page.js';
import { ShopOrigins } from './shop-origins.js';
import { ClientBinder } from './token/client-binder.js';
import { PageTokens } from './token/page-tokens.js';
import { CustomerAuthenticator } from './token/customer.authenticator.js';
import { SealedTokens } from './token/sealed-tokens.js';
import { VisitAudit } from './visit-audit.js';

/** Pages behind a shop's signing proxy, and the sealed tokens with which they open sockets. */
@Module({
  imports: [RateLimitModule, RevocationModule, TokenModule],
  controllers: [AppProxyController, ClientScriptController],
  providers: [
    ClientBinder,
    ClientScript,
    CustomerRateLimit,
    LivePage,
    PageTokens,
    CustomerAuthenticator,
    SealedTokens,
    ShopOrigins,
    VisitAudit,
  ],
  exports: [CustomerAuthenticator],
})
export class AppProxyModule {}
