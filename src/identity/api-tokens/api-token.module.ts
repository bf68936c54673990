import { Module } from '@nestjs/common';
import { RevocationModule } from '../../live/sessions/revocation.module.js';
import { TokenModule } from '../../live/tokens/token.module.js';
import { ApiKeyModule } from '../api-keys/api-key.module.js';
import { SessionModule } from '../sessions/session.module.js';
import { ApiTokenAuthenticator } from './api-token.authenticator.js';
import { ApiTokens } from './api-tokens.service.js';
import { Disconnections } from './disconnections.service.js';
import { ExternalDisconnections } from './external-disconnections.js';

/** Tokens for another backend's users, and disconnecting what they opened. */
@Module({
  imports: [TokenModule, RevocationModule, SessionModule, ApiKeyModule],
  providers: [ApiTokens, ApiTokenAuthenticator, Disconnections, ExternalDisconnections],
  exports: [ApiTokens, ApiTokenAuthenticator, Disconnections],
})
export class ApiTokenModule {}
