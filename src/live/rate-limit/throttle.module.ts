import { Module } from '@nestjs/common';
import { RedisConnection } from '../store/redis/redis.connection.js';
import { RedisModule } from '../store/redis/redis.module.js';
import { AddressThrottle } from './address.throttle.js';
import { CredentialThrottle } from '../../identity/accounts/credential.throttle.js';
import { FailureThrottle } from './failure.throttle.js';
import { GuessLedger } from './guess-ledger.js';
import { MemoryGuessLedger } from '../store/memory/guess-ledger.memory.js';
import { RedisGuessLedger } from '../store/redis/guess-ledger.redis.js';
import { PasswordThrottle } from '../../identity/accounts/password.throttle.js';
import { RateLimiters } from './rate-limiters.js';
import { ViewerThrottle } from './viewer.throttle.js';

/** Slows down whoever guesses or floods: per account, per person and per address, over all nodes where there is Redis. */
@Module({
  imports: [RedisModule],
  providers: [
    RateLimiters,
    AddressThrottle,
    FailureThrottle,
    PasswordThrottle,
    ViewerThrottle,
    CredentialThrottle,
    {
      provide: GuessLedger,
      useFactory: (redis: RedisConnection | null) => (redis ? new RedisGuessLedger(redis) : new MemoryGuessLedger()),
      inject: [RedisConnection],
    },
  ],
  exports: [AddressThrottle, FailureThrottle, ViewerThrottle, CredentialThrottle],
})
export class ThrottleModule {}
