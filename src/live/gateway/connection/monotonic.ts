/**
 * The moment on the monotonic clock (`performance.now()`) at which the calendar will show this time, if nobody sets it before.
 * Deadlines are kept so: a wall clock that is stepped moves none of them.
 *
 * @param calendarMs ms since the epoch
 */
export function monotonic(calendarMs: number): number {
  return performance.now() + calendarMs - Date.now();
}
