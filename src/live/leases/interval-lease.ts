/**
 * The port that lets exactly one of many nodes do what is to be done once per interval. There is no leader to elect:
 * each node asks at its own pace, and whoever asks first when the interval is over gets the turn. A node that dies
 * simply stops asking, so the next one takes over within one interval.
 */
export abstract class IntervalLease {
  /**
   * Asks for the turn. True for one node when at least three quarters of the interval have passed since the last turn
   * anywhere (the rest is slack for timers that drift), else false.
   *
   * @param name what is taken in turns, such as `user_count`
   * @throws UnavailableError when the store is away: nobody can tell, so nobody takes it
   */
  abstract take(name: string, intervalMs: number): Promise<boolean>;
}

/** A single process always has the turn. */
export class MemoryIntervalLease extends IntervalLease {
  override async take(): Promise<boolean> {
    return true;
  }
}
