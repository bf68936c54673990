import type { SpanContext } from '@opentelemetry/api';
import { inRevocationSpan } from '../tracing/revocation-span.js';
import { currentTrace } from '../tracing/tracer.js';
import type { ViewerId } from '../viewer/viewer.js';

/** When and where a revocation was announced. */
export interface Announcement {
  readonly node: 'own' | 'other';
  /** On this node's monotonic clock. */
  readonly announcedAtMs: number;
  /** The span that announced it, if its trace is sampled. */
  readonly trace?: SpanContext | undefined;
}

/**
 * Called with the public ids of ended sessions, synchronously on every node; must not throw.
 *
 * @param announcement null if this node detected the end itself
 */
export type SessionEndListener = (sessionIds: readonly string[], announcement: Announcement | null) => void;

/** A viewer whose tokens were revoked. */
export interface RevokedViewer {
  readonly viewer: ViewerId;
  /** Tokens issued up to this time are revoked, in ms since the epoch. */
  readonly issuedUntilMs: number;
  /** True if only tokens that name no session were revoked. */
  readonly onlyWithoutSession?: boolean;
  /**
   * True if every token so far was revoked: connections that were open when it was announced end whenever their tokens
   * were issued, since the clock of the node that issued them may be ahead.
   */
  readonly allOpen?: boolean;
}

/** Called with a viewer whose tokens were revoked, synchronously on every node; must not throw. */
export type RevokedViewerListener = (revoked: RevokedViewer, announcement: Announcement | null) => void;

/** The announcement of a revocation by this node, now. */
export function announcedHere(): Announcement {
  return { node: 'own', announcedAtMs: performance.now(), trace: currentTrace() };
}

/**
 * Announces that sessions have ended, for any reason. The code that ends a session in the database announces it here
 * before it answers; the gateway listens and closes the sockets of those sessions.
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

  /** Notifies only this node's listeners about a viewer. */
  notifyViewerHere(revoked: RevokedViewer, announcement: Announcement | null = null): void {
    inRevocationSpan(announcement, 0, () => {
      for (const listener of this.#viewerListeners) listener(revoked, announcement);
    });
  }

  /** Notifies only this node's listeners; without an announcement for ended sessions that the node detected itself. */
  notifyHere(sessionIds: readonly string[], announcement: Announcement | null = null): void {
    if (sessionIds.length === 0) return;
    inRevocationSpan(announcement, sessionIds.length, () => {
      for (const listener of this.#listeners) listener(sessionIds, announcement);
    });
  }

  /**
   * Notifies this node's listeners at once, and the other nodes before it resolves, so that events published afterwards
   * reach them later. Never throws: the sessions have ended in the database, and a node that cannot be notified detects
   * it itself (see {@link SessionWatch}).
   */
  abstract announce(sessionIds: readonly string[]): Promise<void>;

  /** As {@link announce}, for the tokens of a viewer. Never throws. */
  abstract announceViewer(revoked: RevokedViewer): Promise<void>;
}
