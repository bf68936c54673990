import type { ConnectionCount, CountKind } from './messages.js';

/** Between two batches, in ms; the first one after a pause is sent at once. */
const BATCH_EVERY_MS = 10;
/** So many counts are sent in one message; more follow as soon as it has left. */
const MAX_COUNTS = 1_000;

/**
 * Numbers of connections that wait to be sent to one process, in batches. Of each key only the newest number waits, and
 * one message at a time is under way, so a process that does not read costs no more memory than there are keys.
 */
export class CountBatches {
  readonly #waiting: Readonly<Record<CountKind, Map<string, number>>> = { address: new Map(), viewer: new Map() };
  #isBusy = false;
  #isStopped = false;

  /**
   * @param send sends one message and calls `sent` when it has left this process; never, if the other one has ended
   */
  constructor(private readonly send: (counts: readonly ConnectionCount[], sent: () => void) => void) {}

  /** Sends this number, or a newer one of the same key, soon. */
  add(kind: CountKind, key: string, count: number): void {
    if (this.#isStopped) return;
    this.#waiting[kind].set(key, count);
    if (this.#isBusy) return;
    this.#isBusy = true;
    // What else happens in this turn of the event loop goes along.
    setImmediate(() => this.#flush());
  }

  /** Sends nothing more. */
  stop(): void {
    this.#isStopped = true;
    for (const counts of Object.values(this.#waiting)) counts.clear();
  }

  #flush(): void {
    const counts = this.#take();
    if (counts.length === 0) {
      this.#isBusy = false;
      return;
    }
    const waitMs = counts.length === MAX_COUNTS ? 0 : BATCH_EVERY_MS;
    this.send(counts, () => void setTimeout(() => this.#flush(), waitMs).unref());
  }

  #take(): ConnectionCount[] {
    const taken: ConnectionCount[] = [];
    for (const kind of ['address', 'viewer'] as const) {
      for (const [key, count] of this.#waiting[kind]) {
        if (taken.length === MAX_COUNTS) return taken;
        this.#waiting[kind].delete(key);
        taken.push([kind, key, count]);
      }
    }
    return taken;
  }
}
