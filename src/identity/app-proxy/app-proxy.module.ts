import { Module } from '@nestjs/common';
import { AuthModule } from '../identity.module.js';
import { AppProxyController } from './app-proxy.controller.js';
import { CustomerThrottle } from './customer.throttle.js';
import { ClientScript } from './page/client-script.js';
import { ClientScriptController } from './page/client-script.controller.js';
import { LivePage } from './page/live-page.js';
import { ShopOrigins } from './shop-origins.js';
import { ClientBinder } from './token/client-binder.js';
import { PageTokens } from './token/page-tokens.js';
import { SealedTokenVerifier } from './token/sealed-token.verifier.js';
import { SealedTokens } from './token/sealed-tokens.js';
import { VisitJournal } from './visit-journal.js';

/** The second way in: pages behind a shop's signing proxy, and the sealed tokens that they open sockets with. */
@Module({
  imports: [AuthModule],
  controllers: [AppProxyController, ClientScriptController],
  providers: [
    ClientBinder,
    ClientScript,
    CustomerThrottle,
    LivePage,
    PageTokens,
    SealedTokenVerifier,
    SealedTokens,
    ShopOrigins,
    VisitJournal,
  ],
  exports: [SealedTokenVerifier, ShopOrigins],
})
export class AppProxyModule {}
