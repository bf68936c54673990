import type { Viewer } from '../viewer/viewer.js';

/** A viewer signed in over HTTP, and the session. */
export interface SignedIn {
  readonly viewer: Viewer;
  /** The public id of the session: connections depend on it, and {@link SessionRevocations} announces it. */
  readonly session: string;
}

/**
 * The port to the sessions: of our own accounts, or of the application that embeds `live/`. It needs two functions and
 * no table.
 */
export abstract class Sessions {
  /**
   * Returns the viewer and session of an HTTP request. Called once for each request.
   *
   * @param request as the framework has it, or as Node does: its implementation says which
   * @returns null for a request without a session
   * @throws UnavailableError when the store is unavailable: the request is then not treated as one without a session
   */
  abstract read(request: object): Promise<SignedIn | null>;

  /**
   * Returns which of these sessions are still valid. Called when the known end of one is reached, and for all that
   * connections depend on when revocations may have been missed; at most 1,000 ids at once.
   *
   * @returns the valid ones, each with its expiry if it is not used again
   * @throws UnavailableError when the store is unavailable
   */
  abstract status(ids: readonly string[]): Promise<ReadonlyMap<string, Date>>;
}
