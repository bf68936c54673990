import type { Viewer, ViewerId } from '../../live/viewer/viewer.js';

const PREFIX = 'customer:';

/** A shop's customer, known through the app proxy. */
export interface CustomerViewer extends Viewer {
  readonly kind: 'customer';
  /** The shop's myshopify.com domain. */
  readonly shop: string;
  /** The shop's own number for the customer, as decimal digits. */
  readonly customerId: string;
}

/** The viewer for a shop's customer. */
export function customerViewer(shop: string, customerId: string): CustomerViewer {
  return { kind: 'customer', id: `customer:${shop}:${customerId}`, shop, customerId };
}

/** Refuses customers of other shops, who cannot exist. */
export function customersOf(shops: readonly string[]): (viewer: ViewerId) => string | null {
  const known = new Set(shops);
  return (viewer) =>
    viewer.startsWith(PREFIX) && !known.has(viewer.split(':')[1] ?? '')
      ? 'viewer is a customer of a shop that APP_PROXY_SHOPS does not name.'
      : null;
}
