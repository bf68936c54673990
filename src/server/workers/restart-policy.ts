/** A worker that has served for this long is not part of a crash loop, whatever ends it, in ms. */
const SETTLED_MS = 10_000;
/** So many ends without that within this time are a crash loop. */
const MAX_ENDS = 5;
/** Shorter than what as many failed connections to an unavailable store take, which is not a crash loop. */
const WINDOW_MS = 45_000;
const FIRST_WAIT_MS = 250;

/** When the slot of a worker that ended gets its next one. One for each slot. */
export class RestartPolicy {
  #ends: number[] = [];

  /**
   * Called when the worker of this slot has ended.
   *
   * @param servedMs how long it had served; 0 if it never did
   * @param nowMs by a monotonic clock
   * @returns how long to wait, in ms: nothing after one that had settled, then 250 ms, doubled each time up to 4 s; or
   * null if this is a crash loop
   */
  ended(servedMs: number, nowMs: number): number | null {
    if (servedMs >= SETTLED_MS) {
      this.#ends = [];
      return 0;
    }
    this.#ends = [...this.#ends, nowMs].slice(-MAX_ENDS);
    const [first = nowMs] = this.#ends;
    if (this.#ends.length === MAX_ENDS && nowMs - first < WINDOW_MS) return null;
    return FIRST_WAIT_MS * 2 ** (this.#ends.length - 1);
  }
}
