import { encodeOutsideName, isSource } from '../viewer/outside-name.js';

const PREFIX = 'external:';

/**
 * Our id of an outside source's session: `external:<source>:<session>`, encoded like viewer ids. Ids of different
 * sources, and of our own sessions, never collide.
 *
 * @param session the source's own id, such as a JWT's `sid`: 1 to 200 bytes without control characters
 * @returns null for an invalid source or session
 */
export function outsideSession(source: string, session: string): string | null {
  const encoded = encodeOutsideName(session);
  return isSource(source) && encoded !== null ? `${PREFIX}${source}:${encoded}` : null;
}

/**
 * When to check an outside session again, in milliseconds: its end is unknown, and its revocation is kept for a day.
 */
const ASK_AGAIN_MS = 3_600_000;

/** The assumed end of an outside session that is not revoked: an hour from now. */
export function endOfOutsideSession(): Date {
  return new Date(Date.now() + ASK_AGAIN_MS);
}

/** Whether a session belongs to an outside source: its end is unknown here, only its revocation is. */
export function isOutsideSession(id: string): boolean {
  return id.startsWith(PREFIX);
}
