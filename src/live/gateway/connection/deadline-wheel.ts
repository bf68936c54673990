/** How fine deadlines are, in milliseconds: one look at what is due in this time. */
const SLOT_MS = 250;

/**
 * One timer for the deadlines of all connections. An entry is looked at when its slot comes;
 * each item says when to look again, so moving a deadline later costs nothing.
 */
export class DeadlineWheel<T> {
  readonly #slots = new Map<number, T[]>();
  readonly #timer = setInterval(() => this.#turn(performance.now()), SLOT_MS).unref();
  #turned = Math.floor(performance.now() / SLOT_MS);

  /**
   * @param due called for each entry whose slot has come; returns the next time to look, on the monotonic clock,
   *   or null to forget the entry
   */
  constructor(private readonly due: (entry: T, nowMs: number) => number | null) {}

  /** Has `entry` looked at when `atMs` of the monotonic clock (`performance.now()`) has passed. */
  add(entry: T, atMs: number): void {
    const slot = Math.max(Math.ceil(atMs / SLOT_MS), this.#turned + 1);
    const entries = this.#slots.get(slot);
    if (entries) entries.push(entry);
    else this.#slots.set(slot, [entry]);
  }

  /** Stops the timer and forgets everything. */
  stop(): void {
    clearInterval(this.#timer);
    this.#slots.clear();
  }

  #turn(nowMs: number): void {
    const current = Math.floor(nowMs / SLOT_MS);
    // After the process stood still there may be more slots passed than present: walk whichever is fewer.
    const passed =
      current - this.#turned > this.#slots.size
        ? [...this.#slots.keys()].filter((slot) => slot <= current)
        : range(this.#turned + 1, current);
    this.#turned = current;
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
