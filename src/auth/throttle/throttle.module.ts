import { Module } from '@nestjs/common';
import { RedisModule } from '../../redis/redis.module.js';
import { AddressThrottle } from './address.throttle.js';
import { PasswordThrottle } from './password.throttle.js';
import { RateLimiters } from './rate-limiters.js';

/** Slows down whoever guesses or floods: per account and per address, over all nodes where there is Redis. */
@Module({
  imports: [RedisModule],
  providers: [RateLimiters, AddressThrottle, PasswordThrottle],
  exports: [AddressThrottle, PasswordThrottle],
})
export class ThrottleModule {}
