import type { ViewerId } from '../viewer/viewer.js';

/** Called when a viewer's first socket on this node opens, and when the last one closes. */
export type PresenceListener = (viewer: ViewerId, isHere: boolean) => void;

/** Counts this node's sockets per viewer. */
export class LocalPresence {
  readonly #sockets = new Map<ViewerId, number>();

  constructor(private readonly listener: PresenceListener = () => {}) {}

  /** Adds one socket; the returned function removes it, once. */
  enter(viewer: ViewerId): () => void {
    const before = this.#sockets.get(viewer) ?? 0;
    this.#sockets.set(viewer, before + 1);
    if (before === 0) this.listener(viewer, true);
    let isIn = true;
    return () => {
      if (!isIn) return;
      isIn = false;
      this.#exit(viewer);
    };
  }

  get size(): number {
    return this.#sockets.size;
  }

  /** Whether the viewer has a socket on this node. */
  has(viewer: ViewerId): boolean {
    return this.#sockets.has(viewer);
  }

  /** The viewers on this node, in batches. */
  *batches(size: number): Generator<ViewerId[]> {
    let batch: ViewerId[] = [];
    for (const viewer of this.#sockets.keys()) {
      if (batch.push(viewer) < size) continue;
      yield batch;
      batch = [];
    }
    if (batch.length > 0) yield batch;
  }

  #exit(viewer: ViewerId): void {
    const left = (this.#sockets.get(viewer) ?? 0) - 1;
    if (left > 0) return void this.#sockets.set(viewer, left);
    this.#sockets.delete(viewer);
    this.listener(viewer, false);
  }
}
