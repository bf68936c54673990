import { Module } from '@nestjs/common';
import { StoreModule } from '../store/store.module.js';
import { Keyring } from './keyring.js';
import { SingleUse } from './single-use.js';
import { TokenService } from './token.service.js';

/** Tokens that open sockets, and the keys of every purpose. */
@Module({
  imports: [StoreModule],
  providers: [Keyring, TokenService, SingleUse],
  exports: [Keyring, TokenService, SingleUse],
})
export class TokenModule {}
