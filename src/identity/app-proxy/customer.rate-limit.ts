import { Injectable } from '@nestjs/common';
import { AddressRateLimit } from '../../live/rate-limit/address.rate-limit.js';
import { ViewerRateLimit } from '../../live/rate-limit/viewer.rate-limit.js';
import { AuditLog } from '../../live/logging/audit-log.js';
import type { ViewerId } from '../../live/viewer/viewer.js';

/** Counts customers' tokens, per customer and, like `me`, per address. */
@Injectable()
export class CustomerRateLimit {
  constructor(
    private readonly viewers: ViewerRateLimit,
    private readonly addresses: AddressRateLimit,
    private readonly audit: AuditLog,
  ) {}

  /**
   * Counts one token, before it is created.
   *
   * @param address the visitor's, if the shop's proxy passed it on
   * @throws TooManyRequestsError
   */
  async count(viewer: ViewerId, address: string | null): Promise<void> {
    await this.audit.throttled('customer-token-throttled', { viewer, address }, async () => {
      await this.viewers.count('customerToken', viewer);
      if (address !== null) await this.addresses.count('token', address);
    });
  }
}
