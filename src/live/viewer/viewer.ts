import { decodeExternalName, isSource } from './external-name.js';

/**
 * A viewer's id, unique over all kinds. `user:` is an account, `customer:` a shop's customer, `external:` a user of an
 * identity provider or another backend: number 42 of each is a different viewer.
 */
export type ViewerId = `user:${string}` | `customer:${string}:${string}` | `external:${string}:${string}`;

/** The kinds of viewers: the prefixes of their ids. */
export const VIEWER_KINDS = ['user', 'customer', 'external'] as const;

/** One of {@link VIEWER_KINDS}. */
export type ViewerKind = (typeof VIEWER_KINDS)[number];

/** The format of viewer ids, for messages. */
export const VIEWER_ID_FORMS = 'user:<uuid>, customer:<shop>:<number> or external:<source>:<subject>';

/**
 * The authenticated user of a request or a socket, determined before any resolver runs. Each kind has its own
 * additional fields.
 */
export interface Viewer {
  readonly id: ViewerId;
}

const ACCOUNT_ID = /^user:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const CUSTOMER_ID = /^customer:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?:[1-9][0-9]{0,19}$/;
/** The longest viewer id: a subject of 200 encoded bytes, with the longest source. */
const MAX_LENGTH = 642;

/**
 * Checks text from outside as a viewer id; null if it is not one. Strict: no spaces, signs or wildcards, capitals only
 * in an external subject, and one spelling for each viewer.
 */
export function parseViewerId(text: unknown): ViewerId | null {
  if (typeof text !== 'string' || text.length > MAX_LENGTH) return null;
  if (ACCOUNT_ID.test(text) || CUSTOMER_ID.test(text)) return text as ViewerId;
  return isExternal(text) ? (text as ViewerId) : null;
}

/** The kind of a viewer with this id. */
export function kindOf(viewer: ViewerId): ViewerKind {
  return viewer.slice(0, viewer.indexOf(':')) as ViewerKind;
}

function isExternal(text: string): boolean {
  const [kind, source, name = '', ...more] = text.split(':');
  return kind === 'external' && isSource(source) && more.length === 0 && decodeExternalName(name) !== null;
}
