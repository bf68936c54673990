import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { ForbiddenError, UnauthenticatedError } from '../../../live/errors/sallyport.errors.js';
import { LOGGER } from '../../../live/logging/logger.js';
import { customerViewer } from '../customer-viewer.js';
import type { Visitor } from '../proxied-request.js';
import { CustomerRateLimit } from '../customer.rate-limit.js';
import { ClientBinder } from './client-binder.js';
import { type IssuedToken, SealedTokens } from './sealed-tokens.js';

/** Creates a page's token, for the customer and the client that the shop's proxy reports. */
@Injectable()
export class PageTokens {
  constructor(
    private readonly tokens: SealedTokens,
    private readonly binder: ClientBinder,
    private readonly rateLimit: CustomerRateLimit,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * @throws TooManyRequestsError when the customer or the address has reached the limit
   * @throws UnauthenticatedError when the visitor is not logged in at the shop: there is no token for guests
   * @throws ForbiddenError when the shop's proxy did not pass on what `APP_PROXY_BIND` requires
   */
  async issue({ shop, customerId, client }: Visitor): Promise<IssuedToken> {
    if (customerId === null) throw new UnauthenticatedError('Log in to the shop first.');
    const viewer = customerViewer(shop, customerId);
    await this.rateLimit.count(viewer.id, client.address);
    const binding = this.binder.bind(client);
    if (!binding) {
      const missing = client.userAgent ? 'address' : 'user-agent';
      this.logger.warn({ shop, missing }, 'no token: the shop proxy did not pass this on');
      throw new ForbiddenError(
        'The shop did not pass on the address or user agent of the browser: see docs/app-proxy.md, APP_PROXY_BIND.',
      );
    }
    return this.tokens.seal({ viewer, binding });
  }
}
