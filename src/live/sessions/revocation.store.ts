/** The longest lifetime of an external token that opens a socket, in seconds: 24 hours. */
export const MAX_EXTERNAL_TOKEN_SECONDS = 86_400;
/**
 * How long a revocation is kept, in seconds: until the last token issued before it has expired, plus 10 minutes for
 * clock differences.
 */
export const KEEP_REVOCATION_SECONDS = MAX_EXTERNAL_TOKEN_SECONDS + 600;

/**
 * The port that stores revocations of tokens that this server did not sign and of sessions that it does not keep.
 * Implementations: in memory (lost at a restart), PostgreSQL and Redis.
 */
export abstract class RevocationStore {
  /**
   * Stores for {@link KEEP_REVOCATION_SECONDS} that tokens of a subject issued up to a time are revoked. Of two times
   * the later one is kept.
   *
   * @param subject from {@link sessionSubject}, {@link viewerSubject} or {@link withoutSessionSubject}
   * @param issuedUntilMs ms since the epoch
   * @throws UnavailableError when the store is unavailable or full: nothing is then revoked
   */
  abstract remember(subject: string, issuedUntilMs: number): Promise<void>;

  /**
   * Until when tokens of these subjects are revoked, in ms since the epoch and in the order of the subjects; 0 if none
   * are.
   *
   * @throws UnavailableError when the store is unavailable
   */
  abstract issuedUntil(subjects: readonly string[]): Promise<readonly number[]>;
}

/** The subject of a session's tokens. */
export function sessionSubject(session: string): string {
  return `session:${session}`;
}

/** The subject of a viewer's tokens that name no session. */
export function withoutSessionSubject(viewer: string): string {
  return `viewer-without-session:${viewer}`;
}

/** The subject of all tokens of a viewer. */
export function viewerSubject(viewer: string): string {
  return `viewer:${viewer}`;
}
