const WINDOW_MS = 10_000;
const MOST_IN_A_WINDOW = 50;

/**
 * Lets at most 50 events through in ten seconds. Of the others, only the newest is kept; it is written when the ten
 * seconds are over.
 */
export class Flood<Event extends object> {
  #endsAtMs = -Infinity;
  #written = 0;
  #waiting: Event | null = null;
  #dropped = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param write receives an event, and how many were dropped before it */
  constructor(private readonly write: (event: Event, dropped: number) => void) {}

  /** Writes an event, now, later or not at all. */
  take(event: Event): void {
    const nowMs = performance.now();
    if (nowMs >= this.#endsAtMs) {
      this.end();
      this.#endsAtMs = nowMs + WINDOW_MS;
      this.#written = 0;
    }
    this.#written += 1;
    if (this.#written <= MOST_IN_A_WINDOW) return this.write(event, 0);
    if (this.#waiting) this.#dropped += 1;
    this.#waiting = event;
    this.#timer ??= setTimeout(() => this.end(), this.#endsAtMs - nowMs).unref();
  }

  /** Writes the event that waits, if any. Called when the time is over, and before the process ends. */
  end(): void {
    clearTimeout(this.#timer);
    const [event, dropped] = [this.#waiting, this.#dropped];
    [this.#timer, this.#waiting, this.#dropped] = [undefined, null, 0];
    if (event) this.write(event, dropped);
  }
}
