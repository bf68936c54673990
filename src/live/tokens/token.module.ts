import { Module } from '@nestjs/common';
import { RedisConnection } from '../store/redis/redis.connection.js';
import { RedisModule } from '../store/redis/redis.module.js';
import { SessionModule } from '../../identity/sessions/session.module.js';
import { AccountTokenVerifier } from '../../identity/sessions/account-token.verifier.js';
import { Keyring } from './keyring.js';
import { TokenService } from './token.service.js';
import { UsedTokens } from './token-replay.store.js';
import { MemoryUsedTokens } from '../store/memory/token-replay.store.memory.js';
import { RedisUsedTokens } from '../store/redis/token-replay.store.redis.js';

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
