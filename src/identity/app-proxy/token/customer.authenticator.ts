import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import { ConnectionAuthenticator, type Verdict } from '../../../live/gateway/connection-authenticator.js';
import { TokenRevocations } from '../../../live/sessions/token-revocations.js';
import { LOGGER } from '../../../live/logging/logger.js';
import type { ClientFacts } from '../../../live/viewer/graphql-context.js';
import { APP_PROXY_CONFIG, type AppProxyConfig } from '../../identity.config.js';
import { ShopOrigins } from '../shop-origins.js';
import { ClientBinder } from './client-binder.js';
import { SealedTokens } from './sealed-tokens.js';

/** Verifies the sealed token of a proxied page: its customer, and that the client is the page's. */
@Injectable()
export class CustomerAuthenticator extends ConnectionAuthenticator {
  override readonly name = 'customer';

  constructor(
    private readonly tokens: SealedTokens,
    private readonly binder: ClientBinder,
    private readonly shops: ShopOrigins,
    private readonly revocations: TokenRevocations,
    @Inject(APP_PROXY_CONFIG) private readonly config: AppProxyConfig,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    super();
  }

  override recognises(token: string): boolean {
    return SealedTokens.recognises(token);
  }

  override ownsOrigin(origin: string): boolean {
    return this.shops.shopOf(origin) !== null;
  }

  override async authenticate(token: string, client: ClientFacts): Promise<Verdict> {
    const opened = await this.tokens.open(token);
    if (!opened.ok) return opened;
    const { viewer, binding } = opened.claims;
    if (!this.config.shops.some((shop) => shop.domain === viewer.shop)) return { ok: false, reason: 'invalid' };
    const differs = this.binder.mismatch(binding, client);
    if (differs) {
      this.logger.warn(
        {
          requestId: client.requestId,
          viewer: viewer.id,
          address: client.address,
          userAgent: client.userAgent,
          differs,
        },
        "a shop's token came from another client",
      );
      return { ok: false, reason: 'other-client' };
    }
    const { issuedAt } = opened;
    if (await this.revocations.isRevoked({ viewer: viewer.id, session: null, issuedAt }))
      return { ok: false, reason: 'session-ended' };
    const expiresAt = new Date(opened.expiresAtMs);
    const maySpeakFrom = (origin: string | null): boolean => this.shops.admits(viewer.shop, origin);
    return { ok: true, grant: { viewer, standsOn: 'token', issuedAt, expiresAt, maySpeakFrom } };
  }
}
