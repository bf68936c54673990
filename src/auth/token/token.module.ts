import { Module } from '@nestjs/common';
import { RedisConnection } from '../../redis/redis.connection.js';
import { RedisModule } from '../../redis/redis.module.js';
import { SessionModule } from '../session/session.module.js';
import { AccountTokenVerifier } from './account-token.verifier.js';
import { Keyring } from './keyring.js';
import { TokenService } from './token.service.js';
import { UsedTokens } from './used-tokens.js';
import { MemoryUsedTokens } from './used-tokens.memory.js';
import { RedisUsedTokens } from './used-tokens.redis.js';

/** Tokens that open sockets, and the keys of every purpose. */
@Module({
  imports: [SessionModule, RedisModule],
  providers: [
    Keyring,
    TokenService,
    AccountTokenVerifier,
    {
      provide: UsedTokens,
      useFactory: (redis: RedisConnection | null) => (redis ? new RedisUsedTokens(redis) : new MemoryUsedTokens()),
      inject: [RedisConnection],
    },
  ],
  exports: [Keyring, TokenService, AccountTokenVerifier],
})
export class TokenModule {}
