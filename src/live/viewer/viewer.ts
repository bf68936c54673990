/**
 * A person's name across all ways in. `user:` is an account, `customer:` a shop's customer: 42 and 42 are two people.
 */
export type ViewerId = `user:${string}` | `customer:${string}:${string}`;

/**
 * Who is asking. HTTP requests and sockets both come down to one of these before any resolver runs. Each way in has a kind of
 * its own, with what it knows besides.
 */
export interface Viewer {
  readonly id: ViewerId;
}

const ACCOUNT_ID = /^user:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const CUSTOMER_ID = /^customer:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?:[1-9][0-9]{0,19}$/;

/** Narrows text from outside to a viewer id, or null when it is not one. Exact: no spaces, signs, capitals or wildcards. */
export function parseViewerId(text: unknown): ViewerId | null {
  if (typeof text !== 'string' || text.length > 300) return null;
  return ACCOUNT_ID.test(text) || CUSTOMER_ID.test(text) ? (text as ViewerId) : null;
}
