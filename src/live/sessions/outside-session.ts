import { encodeOutsideName, isSource } from '../viewer/outside-name.js';

const PREFIX = 'external:';

/**
 * The id here of a session that an outside source keeps: `external:<source>:<session>`, encoded as viewer ids are. Two sources
 * never share one, and none is a session of our own.
 *
 * @param session the source's own id, such as a JWT's `sid`: 1 to 200 bytes without control characters
 * @returns null for a source or session that is none
 */
export function outsideSession(source: string, session: string): string | null {
  const encoded = encodeOutsideName(session);
  return isSource(source) && encoded !== null ? `${PREFIX}${source}:${encoded}` : null;
}

/** When to ask again for an outside session, in milliseconds: nobody here knows its end, and its revocation is kept for a day. */
const ASK_AGAIN_MS = 3_600_000;

/** The end of an outside session as far as it is known here, while it is not revoked: an hour from now. */
export function endOfOutsideSession(): Date {
  return new Date(Date.now() + ASK_AGAIN_MS);
}

/** Whether a session is kept by an outside source: nobody here can say when it ends, only that it was revoked. */
export function isOutsideSession(id: string): boolean {
  return id.startsWith(PREFIX);
}
