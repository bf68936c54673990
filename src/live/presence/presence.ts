import type { ViewerId } from '../viewer/viewer.js';

/** The open sockets of a connected viewer, over all nodes. */
export interface ConnectedViewer {
  /** How many: at least 1. */
  readonly connections: number;
  /** When the oldest of them opened, by the clock of its node. */
  readonly since: Date;
}

/** Called when the number of a viewer's sockets on this node has changed. Must not throw or block. */
export type PresenceListener = (viewer: ViewerId, connectionsHere: number) => void;

/**
 * The port for which viewers are connected, over all nodes. The gateway reports to it; feeds and other backends query
 * it. Implementations: in memory (one process), PostgreSQL and Redis, where a crashed node is removed when its lease
 * expires.
 */
export abstract class Presence {
  /**
   * Called for each socket when its viewer is admitted.
   *
   * @returns a function to call when that socket closes; calling it again does nothing
   */
  abstract enter(viewer: ViewerId): () => void;

  /**
   * Every connected viewer once, in batches of at most 1,000. The cost depends on connected viewers only. Viewers who
   * connect or disconnect during the iteration may be included or not.
   *
   * @throws UnavailableError while iterating, when the store is unavailable
   */
  abstract connected(): AsyncIterable<readonly ViewerId[]>;

  /**
   * Those of these viewers who are connected, on any node, with their sockets. What has changed on other nodes in the
   * last moments may be missing.
   *
   * @param viewers at most 1,000
   * @throws UnavailableError when the store is unavailable
   */
  abstract among(viewers: readonly ViewerId[]): Promise<ReadonlyMap<ViewerId, ConnectedViewer>>;

  /**
   * The nodes that are alive, by an id that a node has until it ends. A crashed node disappears when its lease expires;
   * its viewers are then no longer connected.
   *
   * @throws UnavailableError when the store is unavailable
   */
  abstract nodes(): Promise<ReadonlySet<string>>;

  /** Adds a listener for changes on this node; the returned function removes it. */
  abstract listen(listener: PresenceListener): () => void;
}

/** A viewer's sockets on several nodes, taken together. */
export function combined(one: ConnectedViewer | undefined, other: ConnectedViewer): ConnectedViewer {
  if (!one) return other;
  return {
    connections: one.connections + other.connections,
    since: one.since < other.since ? one.since : other.since,
  };
}
