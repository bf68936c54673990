import type { ViewerId } from '../viewer/viewer.js';

/** Told of ended sessions by public id. Called synchronously on every node; must not throw. */
export type SessionEndListener = (sessionIds: readonly string[]) => void;

/** A viewer whose tokens were revoked. */
export interface RevokedViewer {
  readonly viewer: ViewerId;
  /** Tokens issued until then open nothing, in ms since the epoch. */
  readonly issuedUntilMs: number;
  /** True where only tokens that name no session were revoked. */
  readonly onlyWithoutSession?: boolean;
}

/** Told of a viewer whose tokens were revoked. Called synchronously on every node; must not throw. */
export type RevokedViewerListener = (revoked: RevokedViewer) => void;

/**
 * The one announcement that sessions have ended, for whatever reason. The code that ends a session in the database
 * announces it here before answering; the gateway listens and closes exactly those sockets.
 */
export abstract class SessionRevocations {
  readonly #listeners = new Set<SessionEndListener>();
  readonly #viewerListeners = new Set<RevokedViewerListener>();

  /** Adds a listener; the returned function removes it. */
  listen(listener: SessionEndListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** As {@link listen}, for viewers whose tokens were revoked. */
  listenForViewers(listener: RevokedViewerListener): () => void {
    this.#viewerListeners.add(listener);
    return () => void this.#viewerListeners.delete(listener);
  }

  /** Tells this node's listeners alone of a viewer. */
  tellViewerHere(revoked: RevokedViewer): void {
    for (const listener of this.#viewerListeners) listener(revoked);
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

  /** As {@link announce}, for the tokens of a viewer. Never throws. */
  abstract announceViewer(revoked: RevokedViewer): Promise<void>;
}
