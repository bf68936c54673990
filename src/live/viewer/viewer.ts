/** A person's name across both ways in. `user:` is an account, `customer:` a shop's customer: 42 and 42 are two people. */
export type ViewerId = `user:${string}` | `customer:${string}:${string}`;

/** Somebody signed in with an account of ours. */
export interface AccountViewer {
  readonly kind: 'account';
  readonly id: ViewerId;
  /** The account's UUID. */
  readonly userId: string;
  /** The public id of the session that this request or socket stands on. */
  readonly sessionId: string;
}

/** A shop's customer, known through the app proxy. */
export interface CustomerViewer {
  readonly kind: 'customer';
  readonly id: ViewerId;
  /** The shop's myshopify.com domain. */
  readonly shop: string;
  /** The shop's own number for the customer, as decimal digits. */
  readonly customerId: string;
}

/** Who is asking. HTTP requests and sockets both come down to one of these before any resolver runs. */
export type Viewer = AccountViewer | CustomerViewer;

const ACCOUNT_ID = /^user:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const CUSTOMER_ID = /^customer:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?:[1-9][0-9]{0,19}$/;

/** The viewer that stands on one session of an account. */
export function accountViewer(userId: string, sessionId: string): AccountViewer {
  return { kind: 'account', id: `user:${userId}`, userId, sessionId };
}

/** The viewer for a shop's customer. */
export function customerViewer(shop: string, customerId: string): CustomerViewer {
  return { kind: 'customer', id: `customer:${shop}:${customerId}`, shop, customerId };
}

/** The shop of a customer's id; null for an account's. */
export function shopOf(id: ViewerId): string | null {
  return id.startsWith('customer:') ? (id.split(':')[1] ?? null) : null;
}

/** Narrows text from outside to a viewer id, or null when it is not one. Exact: no spaces, signs, capitals or wildcards. */
export function parseViewerId(text: unknown): ViewerId | null {
  if (typeof text !== 'string' || text.length > 300) return null;
  return ACCOUNT_ID.test(text) || CUSTOMER_ID.test(text) ? (text as ViewerId) : null;
}
