import { Injectable } from '@nestjs/common';

/** Told of ended sessions by public id. Called synchronously on every node; must not throw. */
export type SessionEndListener = (sessionIds: readonly string[]) => void;

/**
 * The one announcement that sessions have ended, for whatever reason. Whoever ends a session in the database
 * announces it here before answering; the gateway listens and closes exactly those sockets.
 */
@Injectable()
export class SessionEndings {
  readonly #listeners = new Set<SessionEndListener>();

  /** Adds a listener; the returned function removes it. */
  listen(listener: SessionEndListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Tells this node's listeners at once, and the other nodes before it resolves. */
  async announce(sessionIds: readonly string[]): Promise<void> {
    if (sessionIds.length === 0) return;
    for (const listener of this.#listeners) listener(sessionIds);
  }
}
