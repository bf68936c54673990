import { decodeExternalName, encodeExternalName, isSource } from './external-name.js';
import type { Viewer, ViewerId } from './viewer.js';

const PREFIX = 'external:';

/** A viewer known to an identity provider or to another backend. */
export interface ExternalViewer extends Viewer {
  readonly kind: 'external';
  /** The provider or backend. */
  readonly source: string;
  /** The viewer's id there, such as a JWT's `sub`, unencoded. */
  readonly subject: string;
}

/**
 * The viewer for a source's subject. Every subject has exactly one viewer id, and every viewer id one subject.
 *
 * @param source see {@link isSource}
 * @param subject 1 to 200 bytes of UTF-8 without control characters
 * @returns null for an invalid source or subject
 */
export function externalViewer(source: string, subject: string): ExternalViewer | null {
  const encoded = encodeExternalName(subject);
  if (!isSource(source) || encoded === null) return null;
  return { kind: 'external', id: `external:${source}:${encoded}`, source, subject };
}

/** The viewer for a viewer id; null for a viewer of another kind. */
export function asExternal(id: ViewerId): ExternalViewer | null {
  const source = sourceOf(id);
  const subject = source === null ? null : decodeExternalName(id.slice(PREFIX.length + source.length + 1));
  return source === null || subject === null ? null : { kind: 'external', id, source, subject };
}

/** The source in a viewer id; null for a viewer of another kind. */
export function sourceOf(viewer: ViewerId): string | null {
  return viewer.startsWith(PREFIX) ? viewer.slice(PREFIX.length, viewer.indexOf(':', PREFIX.length)) : null;
}

/**
 * The viewer id of one of the application's users: `external:<source>:<subject>`.
 *
 * @param source names where users come from, such as `app`: 1 to 32 of `a-z`, `0-9` and `-`
 * @param subject the user's id there, which no other user has had or will have: 1 to 200 bytes, or a whole number
 * @throws RangeError for an invalid source or subject: also for a missing one, which all users without an id
 * would share, and for a number so large that others are rounded to the same
 */
export function viewerId(source: string, subject: string | number): ViewerId {
  const isId = typeof subject === 'string' || Number.isSafeInteger(subject);
  const viewer = isId ? externalViewer(source, String(subject)) : null;
  if (!viewer)
    throw new RangeError('A viewer needs a source such as "app" and a subject: 1 to 200 bytes, or a safe integer.');
  return viewer.id;
}
