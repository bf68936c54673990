import { IntervalLease, minimumGapMs } from '../../leases/interval-lease.js';

/** Leases when this process is the only node. */
export class MemoryIntervalLease extends IntervalLease {
  readonly #takenAtMs = new Map<string, number>();

  override async take(name: string, intervalMs: number): Promise<boolean> {
    const nowMs = performance.now();
    if (nowMs - (this.#takenAtMs.get(name) ?? -Infinity) < minimumGapMs(intervalMs)) return false;
    this.#takenAtMs.set(name, nowMs);
    return true;
  }
}
