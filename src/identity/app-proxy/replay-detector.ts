import { FRESHNESS_SECONDS } from './signature/proxy-visit.js';

const REMEMBERED_MS = 2 * FRESHNESS_SECONDS * 1000;

/** `again`: the same client, which two tabs in one second may well do. `elsewhere`: another client shows the same signature. */
export type Sighting = 'first' | 'again' | 'elsewhere';

/**
 * Notices signed URLs that are shown twice while they are fresh. The signature has no nonce, so it refuses nothing: a replay yields
 * a token for the replayer's own client. It is for the log and the count. One node sees only its own; at most 10,000 are kept.
 */
export class ReplayDetector {
  readonly #seen = new Map<string, { readonly client: string; readonly atMs: number }>();

  constructor(private readonly capacity = 10_000) {}

  /** Notes one verified signature. */
  note(signature: string, client: string, nowMs: number): Sighting {
    const known = this.#seen.get(signature);
    if (known && nowMs - known.atMs <= REMEMBERED_MS) return known.client === client ? 'again' : 'elsewhere';
    this.#forget(nowMs);
    this.#seen.set(signature, { client, atMs: nowMs });
    return 'first';
  }

  #forget(nowMs: number): void {
    for (const [signature, { atMs }] of this.#seen) {
      if (this.#seen.size < this.capacity && nowMs - atMs <= REMEMBERED_MS) return;
      this.#seen.delete(signature);
    }
  }
}
