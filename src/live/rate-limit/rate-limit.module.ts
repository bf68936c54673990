import { Module } from '@nestjs/common';
import { StoreModule } from '../store/store.module.js';
import { AddressRateLimit } from './address.rate-limit.js';
import { FailureRateLimit } from './failure.rate-limit.js';
import { ViewerRateLimit } from './viewer.rate-limit.js';

/** Rate limits against guessing and flooding: per viewer and per address, shared by all nodes of a store. */
@Module({
  imports: [StoreModule],
  providers: [AddressRateLimit, FailureRateLimit, ViewerRateLimit],
  exports: [StoreModule, AddressRateLimit, FailureRateLimit, ViewerRateLimit],
})
export class RateLimitModule {}
