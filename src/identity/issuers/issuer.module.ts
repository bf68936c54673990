import { Module } from '@nestjs/common';
import { RevocationModule } from '../../live/sessions/revocation.module.js';
import { StoreModule } from '../../live/store/store.module.js';
import { BackchannelLogout } from './backchannel-logout.service.js';
import { IssuerAuthenticator } from './issuer.authenticator.js';
import { TrustedIssuers } from './trusted-issuers.service.js';

/** JWTs of identity providers, and their back-channel logout. */
@Module({
  imports: [StoreModule, RevocationModule],
  providers: [TrustedIssuers, IssuerAuthenticator, BackchannelLogout],
  exports: [IssuerAuthenticator, BackchannelLogout],
})
export class IssuerModule {}
