import type { ViewerId } from '../viewer/viewer.js';

/**
 * The port that knows which viewers are connected, over all nodes. The gateway reports to it; feeds ask it.
 * Implementations: in memory (one process) and Redis, where a node that dies without a word drops out with its lease.
 */
export abstract class Presence {
  /**
   * Called for each socket when its viewer is admitted. A viewer with several sockets counts once.
   *
   * @returns to be called when that socket closes; calling it again does nothing
   */
  abstract enter(viewer: ViewerId): () => void;

  /**
   * Every connected viewer once, in batches of at most 1,000: costs what the connected cost.
   * Who comes or goes meanwhile may be in it or not.
   *
   * @throws UnavailableError while iterating, when the store is away
   */
  abstract connected(): AsyncIterable<readonly ViewerId[]>;

  /**
   * Which of these viewers are connected, on any node. Comings and goings of the last moments may be missing.
   *
   * @param viewers at most 1,000
   * @throws UnavailableError when the store is away
   */
  abstract among(viewers: readonly ViewerId[]): Promise<ReadonlySet<ViewerId>>;
}
