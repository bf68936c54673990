import { Module } from '@nestjs/common';
import { StoreModule } from '../store/store.module.js';
import { AddressThrottle } from './address.throttle.js';
import { FailureThrottle } from './failure.throttle.js';
import { ViewerThrottle } from './viewer.throttle.js';

/** Slows down whoever guesses or floods: per viewer and per address, over all nodes where there is Redis. */
@Module({
  imports: [StoreModule],
  providers: [AddressThrottle, FailureThrottle, ViewerThrottle],
  exports: [StoreModule, AddressThrottle, FailureThrottle, ViewerThrottle],
})
export class ThrottleModule {}
