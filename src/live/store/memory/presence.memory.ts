import type { ViewerId } from '../../viewer/viewer.js';
import { LocalPresence } from '../../presence/local-presence.js';
import { type ConnectedViewer, Presence, type PresenceListener } from '../../presence/presence.js';

const BATCH = 1_000;
const THIS_NODE: ReadonlySet<string> = new Set(['this']);

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

  override async nodes(): Promise<ReadonlySet<string>> {
    return THIS_NODE;
  }

  override listen(listener: PresenceListener): () => void {
    return this.#here.listen(listener);
  }
}
