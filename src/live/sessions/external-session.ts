import { encodeExternalName, isSource } from '../viewer/external-name.js';

const PREFIX = 'external:';

/**
 * Our id of a source's session: `external:<source>:<session>`, encoded like viewer ids. Ids of different sources, and of
 * our own sessions, never collide.
 *
 * @param session the source's own id, such as a JWT's `sid`: 1 to 200 bytes without control characters
 * @returns null for an invalid source or session
 */
export function externalSession(source: string, session: string): string | null {
  const encoded = encodeExternalName(session);
  return isSource(source) && encoded !== null ? `${PREFIX}${source}:${encoded}` : null;
}

/**
 * When to check an external session again, in milliseconds: its end is unknown, and its revocation is kept for a day.
 */
const ASK_AGAIN_MS = 3_600_000;

/** The assumed end of an external session that is not revoked: an hour from now. */
export function endOfExternalSession(): Date {
  return new Date(Date.now() + ASK_AGAIN_MS);
}

/** Whether a session belongs to a source: its end is unknown here, only its revocation is. */
export function isExternalSession(id: string): boolean {
  return id.startsWith(PREFIX);
}
