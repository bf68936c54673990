import { ReplyError } from 'ioredis';
import { UnavailableError } from '../../errors/sallyport.errors.js';

/** Errors of a Redis that cannot serve right now: loading, failing over, full, read-only, access denied. */
const NOT_NOW =
  /^(?:LOADING|BUSY|CLUSTERDOWN|MASTERDOWN|TRYAGAIN|MOVED|ASK|READONLY|OOM|MISCONF|NOREPLICAS|NOAUTH|WRONGPASS|NOPERM|EXECABORT)\b/;

/** Errors of a Redis that can be read but not written to: full, a replica, a failing disk, too few replicas. */
const REFUSED_WRITE = /^(?:OOM|READONLY|MISCONF|NOREPLICAS)\b/;

/** What Redis before version 7 writes before the error of a command in a script. */
const IN_SCRIPT = /^ERR Error running script .*?: -(?=[A-Z]+ )/;

/** An error's message, which begins with its code; of a command in a script, the command's own. */
export function messageOf({ message }: Error): string {
  return message.replace(IN_SCRIPT, '');
}

/** Whether a command failed because Redis refuses writes. */
export function isRefusedWrite(error: unknown): boolean {
  return error instanceof Error && REFUSED_WRITE.test(messageOf(error));
}

/**
 * Converts a failed command's error: {@link UnavailableError}, caused by its reason, if the store is unavailable, hangs
 * or cannot serve; anything else is a bug and is returned unchanged.
 */
export function storeFailure(error: unknown): unknown {
  if (error instanceof ReplyError && error instanceof Error && !NOT_NOW.test(messageOf(error))) return error;
  return new UnavailableError(undefined, { cause: new Error(reasonOf(error)) });
}

/** An error's code or first word: enough to act on, and never a URL with a password in it. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  return (error as NodeJS.ErrnoException).code ?? /^[A-Z]{3,}\b/.exec(messageOf(error))?.[0] ?? 'no answer';
}
