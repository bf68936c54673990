import type { ViewerId } from '../../viewer/viewer.js';
import { LocalPresence } from '../../presence/local-presence.js';
import { type ConnectedViewer, Presence } from '../../presence/presence.js';

const BATCH = 1_000;

/** Presence of a single process: the default without a shared store. */
export class MemoryPresence extends Presence {
  readonly #here = new LocalPresence();

  override enter(viewer: ViewerId): () => void {
    return this.#here.enter(viewer);
  }

  override async *connected(): AsyncGenerator<readonly ViewerId[]> {
    yield* this.#here.batches(BATCH);
  }

  override async among(viewers: readonly ViewerId[]): Promise<ReadonlyMap<ViewerId, ConnectedViewer>> {
    return this.#here.among(viewers);
  }
}
