/**
 * SQLSTATE classes and codes for temporary failures: connection exceptions (08), insufficient resources (53), operator
 * intervention such as a shutdown or a statement timeout (57), errors of the system such as a failing disk (58), timeouts
 * of locks and transactions, deadlocks, and a server that has just become read-only, or is a standby, which cannot read
 * unlogged tables (0A000). PostgreSQL, appendix A.
 */
const UNAVAILABLE_STATES = /^(08|53|57|58)|^(40001|40P01|55P03|25P03|25P04|25006|0A000)$/;
const UNAVAILABLE_ERRNO = /^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_|EHOSTUNREACH|ENETUNREACH|ENOENT)/;
const UNAVAILABLE_MESSAGES =
  /connection terminated|timeout expired|timeout exceeded when trying to connect|query read timeout|not queryable|pool after calling end|pglite is (closed|closing)/i;

/** Whether an error, or what caused it, means that the database is unavailable, stopping, too busy or too slow. */
export function isDatabaseUnavailable(error: unknown): boolean {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth += 1) {
    const code = 'code' in cause ? String(cause.code) : '';
    if (UNAVAILABLE_STATES.test(code) || UNAVAILABLE_ERRNO.test(code) || UNAVAILABLE_MESSAGES.test(cause.message))
      return true;
    if (cause instanceof AggregateError && cause.errors.some(isDatabaseUnavailable)) return true;
  }
  return false;
}

/** Read-only, a standby, a full or failing disk, too little memory: the server answers but refuses writes. */
const REFUSED_WRITE_STATES = /^(25006|0A000|53100|53200|58\w{3})$/;
/** Too slow or in conflict with each other: says little about the server. */
const LATE_STATES = /^(57014|40001|40P01|55P03|25P03|25P04)$/;
const LATE_MESSAGES = /query read timeout|timeout exceeded when trying to connect/i;

/**
 * The server answers but takes no writes. `code` is the SQLSTATE that a write would fail with: read_only_sql_transaction.
 */
export class ReadOnlyDatabase extends Error {
  readonly code = '25006';
}

/** Why a database operation failed, for logs and metrics. */
export interface DatabaseFailure {
  /** `late`: one query was too slow. */
  readonly kind: 'unavailable' | 'late' | 'refused-write';
  /** An SQLSTATE or the code of a system call; never a statement or its values. */
  readonly reason: string;
}

/**
 * A connection could not be opened, whatever the reason: in a node that runs, it is the database that has changed, such
 * as its password or certificate. What a statement fails with may be a bug.
 */
export class NotConnected extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : 'connection lost', { cause });
  }
}

/** The database failure behind an error of {@link isDatabaseUnavailable} or {@link NotConnected}; null for others. */
export function databaseFailure(error: unknown): DatabaseFailure | null {
  const failure = knownFailure(error);
  if (failure || !couldNotConnect(error)) return failure;
  return { kind: 'unavailable', reason: failureCode(error) || 'connection lost' };
}

/** The most specific code behind an error: an SQLSTATE, or that of a system call or of TLS; '' if there is none. */
export function failureCode(error: unknown): string {
  return innermost(error)[0];
}

function couldNotConnect(error: unknown): boolean {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth += 1)
    if (cause instanceof NotConnected) return true;
  return false;
}

function knownFailure(error: unknown): DatabaseFailure | null {
  if (!isDatabaseUnavailable(error)) return null;
  const [code, message] = innermost(error);
  if (REFUSED_WRITE_STATES.test(code)) return { kind: 'refused-write', reason: code };
  if (LATE_STATES.test(code) || LATE_MESSAGES.test(message)) return { kind: 'late', reason: code || 'timeout' };
  return { kind: 'unavailable', reason: code || 'connection lost' };
}

/** A value that does not compress below a page: it needs disk space. */
export const FILLER = "(select string_agg(md5(random()::text), '') from generate_series(1, 256))";
/** Ends the block of the probe, which undoes its row. Of a class that PostgreSQL does not use. */
const UNDO = 'SP000';

/**
 * Tries a write to one of our tables that leaves nothing behind.
 *
 * @param run runs one statement in a transaction of its own
 * @param row the table, columns and values of a row
 * @throws what the statement throws, unless the role may not write there: then only its next write can tell
 */
export async function probeWrite(run: (statement: string) => Promise<unknown>, row: string): Promise<void> {
  try {
    await run(
      `do $$ begin insert into ${row}; raise sqlstate '${UNDO}'; exception when sqlstate '${UNDO}' then end $$`,
    );
  } catch (error) {
    if (!lacksPrivilege(error)) throw error;
  }
}

/** Whether the role lacks the privilege to do it. */
export function lacksPrivilege(error: unknown): boolean {
  return failureCode(error) === '42501';
}

/**
 * What an operator is told when the database fails in this way at the start; null for an error that says more itself,
 * such as a missing file that the URL names.
 *
 * @param setting what they call its URL
 */
export function startFault(error: unknown, address: string, setting = 'DATABASE_URL'): string | null {
  // At the start a refused sign-in or certificate is a mistake of the settings, and its own message tells more.
  const failure = knownFailure(error);
  if (!failure || (error as NodeJS.ErrnoException).syscall === 'open') return null;
  const { kind, reason } = failure;
  return kind === 'refused-write'
    ? `The database at ${address} takes no writes (${reason}): it may be a standby or read-only, or its disk full or failing. Name another one in ${setting}, or correct it.`
    : `The database at ${address} does not answer (${reason}): start it, or correct ${setting}.`;
}

/** The most specific code: drizzle wraps the driver's errors, and Node those of attempts at several addresses. */
function innermost(error: unknown): [code: string, message: string] {
  let found: [string, string] = ['', ''];
  for (let cause = error, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth += 1) {
    const inner: unknown = cause instanceof AggregateError ? cause.errors[0] : cause;
    const code = inner instanceof Error && 'code' in inner ? String(inner.code) : '';
    found = [/^[A-Z0-9_]{1,40}$/.test(code) ? code : found[0], cause.message];
  }
  return found;
}
