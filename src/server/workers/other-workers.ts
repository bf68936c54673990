import { ConnectionsElsewhere, type ExcessListener } from '../../live/gateway/connection/connections-elsewhere.js';
import type { ViewerId } from '../../live/viewer/viewer.js';
import { put } from './connection-totals.js';
import { CountBatches } from './count-batches.js';
import type { ConnectionCount, ViewerMost } from './messages.js';

/** The connections of the other workers, as the primary last told. */
export class OtherWorkers extends ConnectionsElsewhere {
  readonly #counts = { address: new Map<string, number>(), viewer: new Map<string, number>() };
  readonly #batches: CountBatches;
  #total = 0;
  #exceeded: ExcessListener = () => {};

  /** @param send sends the primary one message and calls `sent` when that has left */
  constructor(send: (counts: readonly ConnectionCount[], sent: () => void) => void) {
    super();
    this.#batches = new CountBatches(send);
  }

  get total(): number {
    return this.#total;
  }

  ofAddress(block: string): number {
    return this.#counts.address.get(block) ?? 0;
  }

  ofViewer(viewer: ViewerId): number {
    return this.#counts.viewer.get(viewer) ?? 0;
  }

  addressHere(block: string, connections: number): void {
    this.#batches.add('address', block, connections);
  }

  viewerHere(viewer: ViewerId, connections: number): void {
    this.#batches.add('viewer', viewer, connections);
  }

  listen(listener: ExcessListener): void {
    this.#exceeded = listener;
  }

  /** Called with the viewers of whom this worker has admitted too many. */
  exceeded(viewers: readonly ViewerMost[]): void {
    for (const [viewer, most] of viewers) this.#exceeded(viewer as ViewerId, most);
  }

  /** Called with what has changed. */
  heard(counts: readonly ConnectionCount[]): void {
    for (const [kind, key, count] of counts) {
      // Each connection has one address, so addresses add up to all of them.
      if (kind === 'address') this.#total += count - this.ofAddress(key);
      put(this.#counts[kind], key, count);
    }
  }
}
