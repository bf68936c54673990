import { Module } from '@nestjs/common';
import { StoreModule } from '../store/store.module.js';
import { AddressRateLimit } from './address.rate-limit.js';
import { FailureRateLimit } from './failure.rate-limit.js';
import { ViewerRateLimit } from './viewer.rate-limit.js';

/** Slows down whoever guesses or floods: per viewer and per address, over all nodes where there is Redis. */
@Module({
  imports: [StoreModule],
  providers: [AddressRateLimit, FailureRateLimit, ViewerRateLimit],
  exports: [StoreModule, AddressRateLimit, FailureRateLimit, ViewerRateLimit],
})
export class RateLimitModule {}
