import { Inject, Injectable } from '@nestjs/common';
import { APP_PROXY_CONFIG, type AppProxyConfig } from '../identity.config.js';

/** The configured shops, their origins, and which customers may connect from them. */
@Injectable()
export class ShopOrigins {
  readonly #shops: ReadonlySet<string>;
  readonly #shopByOrigin: ReadonlyMap<string, string>;

  constructor(@Inject(APP_PROXY_CONFIG) config: AppProxyConfig) {
    this.#shops = new Set(config.shops.map((shop) => shop.domain));
    this.#shopByOrigin = new Map(config.shops.flatMap((shop) => shop.origins.map((origin) => [origin, shop.domain])));
  }

  /** Whether a shop with this myshopify.com domain is configured. */
  isConfigured(domain: string): boolean {
    return this.#shops.has(domain);
  }

  /** The myshopify.com domain of the shop with this origin, or null if it is not a shop's. */
  shopOf(origin: string): string | null {
    return this.#shopByOrigin.get(origin) ?? null;
  }

  /**
   * Whether a shop's customer may connect from a page of this origin: from the shop's own pages and from ours, but not
   * from another shop's, so that another shop's scripts cannot use a stolen token.
   *
   * @param origin the verified Origin of the upgrade; null, for a client that is not a browser, is allowed
   */
  admits(shop: string, origin: string | null): boolean {
    const owner = origin === null ? null : this.shopOf(origin);
    return owner === null || owner === shop;
  }
}
