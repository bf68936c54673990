import { Inject, Injectable } from '@nestjs/common';
import { APP_PROXY_CONFIG, type AppProxyConfig } from '../identity.config.js';
import type { Viewer } from '../../live/viewer/viewer.js';

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
   * Whether a viewer may connect from a page of this origin: a shop's pages are for that shop's customers and for nobody else,
   * so that neither a theme's script nor another shop's opens a socket with a token it should not have.
   *
   * @param origin the verified Origin of the upgrade; null, which is no browser, leaves it to the token
   */
  admits(viewer: Viewer, origin: string | null): boolean {
    const shop = origin === null ? null : this.shopOf(origin);
    return shop === null || (viewer.kind === 'customer' && viewer.shop === shop);
  }
}
