import { Module } from '@nestjs/common';
import { SessionModule } from '../session/session.module.js';
import { AccountTokenVerifier } from './account-token.verifier.js';
import { Keyring } from './keyring.js';
import { TokenService } from './token.service.js';
import { UsedTokens } from './used-tokens.js';
import { MemoryUsedTokens } from './used-tokens.memory.js';

/** Tokens that open sockets, and the keys of every purpose. */
@Module({
  imports: [SessionModule],
  providers: [Keyring, TokenService, AccountTokenVerifier, { provide: UsedTokens, useClass: MemoryUsedTokens }],
  exports: [Keyring, TokenService, AccountTokenVerifier],
})
export class TokenModule {}
