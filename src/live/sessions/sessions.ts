import type { Viewer } from '../viewer/viewer.js';

/** A viewer signed in over HTTP, and the session. */
export interface SignedIn {
  readonly viewer: Viewer;
  /** The public id of the session: connections stand on it, and {@link SessionRevocations} names it. */
  readonly session: string;
}

/**
 * The port to whatever keeps sessions: our own accounts, or the sessions of the application that embeds this half.
 * It asks for two functions and for no table.
 */
export abstract class Sessions {
  /**
   * Says who is asking over HTTP. Called once for each request.
   *
   * @param request as the framework has it, or as Node does: its implementation says which
   * @returns null for a visitor
   * @throws UnavailableError when the store is unavailable: nobody is then taken for a visitor
   */
  abstract read(request: object): Promise<SignedIn | null>;

  /**
   * Says which of these sessions are still live. Called when the known end of one has come, and for all that connections stand
   * on when revocations may have been missed; at most 1,000 ids at once.
   *
   * @returns the live ones, each with its expiry if it is not used again
   * @throws UnavailableError when the store is unavailable
   */
  abstract status(ids: readonly string[]): Promise<ReadonlyMap<string, Date>>;
}
