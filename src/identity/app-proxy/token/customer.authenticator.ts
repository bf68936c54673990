import { Injectable } from '@nestjs/common';
import { ConnectionAuthenticator, type Verdict } from '../../../live/gateway/connection-authenticator.js';
import { TokenRevocations } from '../../../live/sessions/token-revocations.js';
import type { ClientFacts } from '../../../live/viewer/graphql-context.js';
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
    if (!this.shops.isConfigured(viewer.shop)) return { ok: false, reason: 'invalid' };
    if (!this.binder.isClientOf(viewer.id, binding, client)) return { ok: false, reason: 'other-client' };
    const { issuedAt } = opened;
    if (await this.revocations.isRevoked({ viewer: viewer.id, session: null, issuedAt }))
      return { ok: false, reason: 'session-ended' };
    const expiresAt = new Date(opened.expiresAtMs);
    const maySpeakFrom = (origin: string | null): boolean => this.shops.admits(viewer.shop, origin);
    return { ok: true, grant: { viewer, standsOn: 'token', issuedAt, expiresAt, maySpeakFrom } };
  }
}
