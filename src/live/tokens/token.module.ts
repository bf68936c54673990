import { Module } from '@nestjs/common';
import { Keyring } from './keyring.js';
import { TokenService } from './token.service.js';

/** Tokens that open sockets, and the keys of every purpose. */
@Module({ providers: [Keyring, TokenService], exports: [Keyring, TokenService] })
export class TokenModule {}
