import type { ViewerId } from '../viewer/viewer.js';

/**
 * The port for which viewers are connected, over all nodes. The gateway reports to it; feeds query it. Implementations:
 * in memory (one process) and Redis, where a crashed node is removed when its lease expires.
 */
export abstract class Presence {
  /**
   * Called for each socket when its viewer is admitted. A viewer with several sockets counts once.
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
   * Which of these viewers are connected, on any node. Comings and goings of the last moments may be missing.
   *
   * @param viewers at most 1,000
   * @throws UnavailableError when the store is unavailable
   */
  abstract among(viewers: readonly ViewerId[]): Promise<ReadonlySet<ViewerId>>;
}
