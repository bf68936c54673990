/**
 * SQLSTATE classes and codes that say "not now" rather than "wrong": connection exceptions (08), insufficient
 * resources (53), operator intervention such as a shutdown or a statement timeout (57), lock and deadlock give-ups,
 * and a server that has just become read-only. PostgreSQL, appendix A.
 */
const AWAY_STATES = /^(08|53|57)|^(40001|40P01|55P03|25006)$/;
const AWAY_ERRNO = /^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_|EHOSTUNREACH|ENETUNREACH|ENOENT)/;
const AWAY_MESSAGES =
  /connection terminated|timeout exceeded when trying to connect|query read timeout|not queryable|pool after calling end|pglite is (closed|closing)/i;

/** Whether an error, or what caused it, means that the database is away, stopping, too busy or too slow. */
export function isDatabaseAway(error: unknown): boolean {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth += 1) {
    const code = 'code' in cause ? String(cause.code) : '';
    if (AWAY_STATES.test(code) || AWAY_ERRNO.test(code) || AWAY_MESSAGES.test(cause.message)) return true;
    if (cause instanceof AggregateError && cause.errors.some(isDatabaseAway)) return true;
  }
  return false;
}
