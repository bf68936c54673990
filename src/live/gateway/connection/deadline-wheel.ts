/** The resolution of deadlines, in milliseconds: due entries are checked once in this time. */
const SLOT_MS = 250;

/**
 * One timer for the deadlines of all connections. An entry is checked when its slot is due and says when to check it
 * again, so extending a deadline costs nothing.
 */
export class DeadlineWheel<T> {
  readonly #slots = new Map<number, T[]>();
  readonly #timer = setInterval(() => this.#advance(performance.now()), SLOT_MS).unref();
  #checkedSlot = Math.floor(performance.now() / SLOT_MS);

  /**
   * @param due called for each entry whose slot is due; returns the time of the next check, on the monotonic clock, or
   * null to remove the entry
   */
  constructor(private readonly due: (entry: T, nowMs: number) => number | null) {}

  /** Schedules a check of `entry` at `atMs` on the monotonic clock (`performance.now()`). */
  add(entry: T, atMs: number): void {
    const slot = Math.max(Math.ceil(atMs / SLOT_MS), this.#checkedSlot + 1);
    const entries = this.#slots.get(slot);
    if (entries) entries.push(entry);
    else this.#slots.set(slot, [entry]);
  }

  /** Stops the timer and removes all entries. */
  stop(): void {
    clearInterval(this.#timer);
    this.#slots.clear();
  }

  #advance(nowMs: number): void {
    const current = Math.floor(nowMs / SLOT_MS);
    // After a pause of the process more slots may have passed than exist: walk the smaller number.
    const passed =
      current - this.#checkedSlot > this.#slots.size
        ? [...this.#slots.keys()].filter((slot) => slot <= current)
        : range(this.#checkedSlot + 1, current);
    this.#checkedSlot = current;
    for (const slot of passed) {
      const entries = this.#slots.get(slot);
      if (!entries) continue;
      this.#slots.delete(slot);
      for (const entry of entries) {
        const nextMs = this.due(entry, nowMs);
        if (nextMs !== null) this.add(entry, nextMs);
      }
    }
  }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index);
}
