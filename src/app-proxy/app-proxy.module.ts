import { Module } from '@nestjs/common';
import { AppProxyController } from './app-proxy.controller.js';
import { ClientScript } from './page/client-script.js';
import { ClientScriptController } from './page/client-script.controller.js';
import { LivePage } from './page/live-page.js';
import { ShopOrigins } from './shop-origins.js';
import { PageTokens } from './token/page-tokens.js';
import { SealedTokenVerifier } from './token/sealed-token.verifier.js';
import { SealedTokens } from './token/sealed-tokens.js';
import { SealingKeys } from './token/sealing-keys.js';
import { VisitJournal } from './visit-journal.js';

/** The second way in: pages behind a shop's signing proxy, and the sealed tokens that they open sockets with. */
@Module({
  controllers: [AppProxyController, ClientScriptController],
  providers: [
    ClientScript,
    LivePage,
    PageTokens,
    SealedTokenVerifier,
    SealedTokens,
    SealingKeys,
    ShopOrigins,
    VisitJournal,
  ],
  exports: [SealedTokenVerifier, ShopOrigins],
})
export class AppProxyModule {}
