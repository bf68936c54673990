import type { ViewerId } from '../viewer/viewer.js';
import type { ConnectedViewer, PresenceListener } from './presence.js';

/** Counts this node's sockets per viewer, and remembers when each opened. */
export class LocalPresence {
  /** When each socket opened, in ms since the epoch, oldest first. Few per viewer, so an array is enough. */
  readonly #sockets = new Map<ViewerId, number[]>();

  readonly #listeners = new Set<PresenceListener>();

  /** @param listener added at once; see {@link listen} */
  constructor(listener?: PresenceListener) {
    if (listener) this.#listeners.add(listener);
  }

  /** Adds a listener; the returned function removes it. */
  listen(listener: PresenceListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Adds one socket; the returned function removes it, once. */
  enter(viewer: ViewerId): () => void {
    const openedAtMs = Date.now();
    const opened = this.#sockets.get(viewer);
    if (opened) opened.push(openedAtMs);
    else this.#sockets.set(viewer, [openedAtMs]);
    this.#changed(viewer, opened?.length ?? 1);
    let isIn = true;
    return () => {
      if (!isIn) return;
      isIn = false;
      this.#exit(viewer, openedAtMs);
    };
  }

  /** The number of viewers with a socket on this node. */
  get size(): number {
    return this.#sockets.size;
  }

  /** The viewer's sockets on this node; null without any. */
  find(viewer: ViewerId): ConnectedViewer | null {
    const opened = this.#sockets.get(viewer);
    return opened ? { connections: opened.length, since: new Date(opened[0]!) } : null;
  }

  /** Those of these viewers who have a socket on this node. */
  among(viewers: readonly ViewerId[]): Map<ViewerId, ConnectedViewer> {
    const found = new Map<ViewerId, ConnectedViewer>();
    for (const viewer of viewers) {
      const connected = this.find(viewer);
      if (connected) found.set(viewer, connected);
    }
    return found;
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

  #exit(viewer: ViewerId, openedAtMs: number): void {
    const opened = this.#sockets.get(viewer);
    if (!opened) return;
    opened.splice(opened.indexOf(openedAtMs), 1);
    if (opened.length === 0) this.#sockets.delete(viewer);
    this.#changed(viewer, opened.length);
  }

  #changed(viewer: ViewerId, connections: number): void {
    for (const listener of this.#listeners) listener(viewer, connections);
  }
}
