/** Told of ended sessions by public id. Called synchronously on every node; must not throw. */
export type SessionEndListener = (sessionIds: readonly string[]) => void;

/**
 * The one announcement that sessions have ended, for whatever reason. Whoever ends a session in the database
 * announces it here before answering; the gateway listens and closes exactly those sockets.
 */
export abstract class SessionRevocations {
  readonly #listeners = new Set<SessionEndListener>();

  /** Adds a listener; the returned function removes it. */
  listen(listener: SessionEndListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Tells this node's listeners alone, for what a node finds out by itself. */
  tellHere(sessionIds: readonly string[]): void {
    if (sessionIds.length === 0) return;
    for (const listener of this.#listeners) listener(sessionIds);
  }

  /**
   * Tells this node's listeners at once, and the other nodes before it resolves: what is published afterwards
   * reaches them later. Never throws: the sessions are over in the database, and a node that cannot be told
   * finds that out by itself (see {@link SessionWatch}).
   */
  abstract announce(sessionIds: readonly string[]): Promise<void>;
}
