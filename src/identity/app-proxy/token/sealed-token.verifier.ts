import { Inject, Injectable } from '@nestjs/common';
import type { Logger } from 'pino';
import {
  type ConnectionFacts,
  ConnectionTokenVerifier,
  type TokenVerdict,
} from '../../../live/tokens/connection-token.verifier.js';
import { APP_PROXY_CONFIG, type AppProxyConfig } from '../../identity.config.js';
import { LOGGER } from '../../../live/logging/logger.js';
import { ClientBinder } from './client-binder.js';
import { SealedTokens } from './sealed-tokens.js';

/** Verifies the sealed tokens that proxied pages carry: a customer, from the client that the page was made for. */
@Injectable()
export class SealedTokenVerifier extends ConnectionTokenVerifier {
  constructor(
    private readonly tokens: SealedTokens,
    private readonly binder: ClientBinder,
    @Inject(APP_PROXY_CONFIG) private readonly config: AppProxyConfig,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    super();
  }

  override recognises(token: string): boolean {
    return SealedTokens.recognises(token);
  }

  override async verify(token: string, facts: ConnectionFacts): Promise<TokenVerdict> {
    const unsealed = await this.tokens.unseal(token);
    if (!unsealed.ok) return unsealed;
    const { viewer, binding } = unsealed.claims;
    if (!this.config.shops.some((shop) => shop.domain === viewer.shop)) return { ok: false, reason: 'invalid' };
    const differs = this.binder.mismatch(binding, facts);
    if (differs) {
      this.logger.warn(
        { viewer: viewer.id, address: facts.address, userAgent: facts.userAgent, differs },
        "a shop's token came from another client",
      );
      return { ok: false, reason: 'other-client' };
    }
    return { ok: true, viewer, expiresAtMs: unsealed.expiresAtMs };
  }
}
