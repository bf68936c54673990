import { Inject, Injectable } from '@nestjs/common';
import { APP_PROXY_CONFIG, type AppProxyConfig } from '../identity.config.js';

/** The origins of the configured shops, and who may come from them. */
@Injectable()
export class ShopOrigins {
  readonly #shopByOrigin: ReadonlyMap<string, string>;

  constructor(@Inject(APP_PROXY_CONFIG) config: AppProxyConfig) {
    this.#shopByOrigin = new Map(config.shops.flatMap((shop) => shop.origins.map((origin) => [origin, shop.domain])));
  }

  /** The myshopify.com domain of the shop whose page this origin is, or null when it is no shop's. */
  shopOf(origin: string): string | null {
    return this.#shopByOrigin.get(origin) ?? null;
  }

  /**
   * Whether a shop's customer may connect from a page of this origin: from the shop's own pages and from ours, and from no other
   * shop's, so that neither a theme's script nor another shop's opens a socket with a token it should not have.
   *
   * @param origin the verified Origin of the upgrade; null, which is no browser, leaves it to the token
   */
  admits(shop: string, origin: string | null): boolean {
    const owner = origin === null ? null : this.shopOf(origin);
    return owner === null || owner === shop;
  }
}
