/** The share of an interval that must have passed since the last run; the rest is tolerance for timer drift. */
const PASSED = 0.75;

/**
 * The port that lets exactly one of many nodes run a periodic job. There is no leader election: each node asks at its
 * own pace, and the first to ask after the interval gets the lease. A node that dies stops asking, so another one takes
 * over within one interval.
 */
export abstract class IntervalLease {
  /**
   * Asks for the lease. True for one node if at least three quarters of the interval have passed since the last lease
   * on any node, else false.
   *
   * @param name the job, such as `user_count`: one of a few fixed names
   * @throws UnavailableError when the store is unavailable: no node then runs the job
   */
  abstract take(name: string, intervalMs: number): Promise<boolean>;
}

/** How long after the last lease the next one may be taken, in milliseconds. */
export function minimumGapMs(intervalMs: number): number {
  return Math.max(1, Math.floor(intervalMs * PASSED));
}
