import { ReplyError } from 'ioredis';
import { UnavailableError } from '../errors/sallyport.errors.js';

/** Answers of a Redis that is there and cannot serve right now: loading, failing over, full, read-only, locked out. */
const NOT_NOW =
  /^(?:LOADING|BUSY|CLUSTERDOWN|MASTERDOWN|TRYAGAIN|MOVED|ASK|READONLY|OOM|MISCONF|NOREPLICAS|NOAUTH|WRONGPASS|NOPERM|EXECABORT)\b/;

/**
 * What a failed command is to its caller: {@link UnavailableError} where the store is away, hangs or cannot serve;
 * anything else is a fault of ours and comes back as it is.
 */
export function storeFailure(error: unknown): unknown {
  if (error instanceof ReplyError && error instanceof Error && !NOT_NOW.test(error.message)) return error;
  return new UnavailableError();
}

/** An error's code or first word: enough to act on, and never a URL with a password in it. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  return (error as NodeJS.ErrnoException).code ?? /^[A-Z]{4,}\b/.exec(error.message)?.[0] ?? 'no answer';
}
