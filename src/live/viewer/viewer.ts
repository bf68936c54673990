import { decodeOutsideName, isSource } from './outside-name.js';

/**
 * A person's name across all ways in. `user:` is an account, `customer:` a shop's customer, `external:` somebody whom an identity
 * provider or another backend knows: 42, 42 and 42 are three people.
 */
export type ViewerId = `user:${string}` | `customer:${string}:${string}` | `external:${string}:${string}`;

/** The kinds of viewers, as their ids begin. */
export const VIEWER_KINDS = ['user', 'customer', 'external'] as const;

/** One of {@link VIEWER_KINDS}. */
export type ViewerKind = (typeof VIEWER_KINDS)[number];

/** What a viewer id may look like, for messages. */
export const VIEWER_ID_FORMS = 'user:<uuid>, customer:<shop>:<number> or external:<source>:<subject>';

/**
 * Who is asking. HTTP requests and sockets both come down to one of these before any resolver runs. Each way in has a kind of
 * its own, with what it knows besides.
 */
export interface Viewer {
  readonly id: ViewerId;
}

const ACCOUNT_ID = /^user:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const CUSTOMER_ID = /^customer:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?:[1-9][0-9]{0,19}$/;
/** A subject of 200 bytes that are all encoded, with the longest source. */
const MAX_LENGTH = 642;

/**
 * Narrows text from outside to a viewer id, or null when it is not one. Exact: no spaces, signs or wildcards, capitals only in a
 * subject from outside, and one spelling for each viewer.
 */
export function parseViewerId(text: unknown): ViewerId | null {
  if (typeof text !== 'string' || text.length > MAX_LENGTH) return null;
  if (ACCOUNT_ID.test(text) || CUSTOMER_ID.test(text)) return text as ViewerId;
  return isExternal(text) ? (text as ViewerId) : null;
}

/** The way in of a viewer with this id. */
export function kindOf(viewer: ViewerId): ViewerKind {
  return viewer.slice(0, viewer.indexOf(':')) as ViewerKind;
}

function isExternal(text: string): boolean {
  const [kind, source, name = '', ...more] = text.split(':');
  return kind === 'external' && isSource(source) && more.length === 0 && decodeOutsideName(name) !== null;
}
