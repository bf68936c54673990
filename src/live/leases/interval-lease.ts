/** The share of an interval that must have passed since the last turn; the rest is slack for timers that drift. */
const PASSED = 0.75;

/**
 * The port that lets exactly one of many nodes do what is to be done once per interval. There is no leader to elect:
 * each node asks at its own pace, and the first to ask when the interval is over gets the turn. A node that dies
 * simply stops asking, so the next one takes over within one interval.
 */
export abstract class IntervalLease {
  /**
   * Asks for the turn. True for one node when at least three quarters of the interval have passed since the last turn
   * anywhere, else false.
   *
   * @param name what is taken in turns, such as `user_count`: one of a few fixed names
   * @throws UnavailableError when the store is away: nobody can tell, so nobody takes it
   */
  abstract take(name: string, intervalMs: number): Promise<boolean>;
}

/** How long after the last turn the next one may be taken, in milliseconds. */
export function restMs(intervalMs: number): number {
  return Math.max(1, Math.floor(intervalMs * PASSED));
}
