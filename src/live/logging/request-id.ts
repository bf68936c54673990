import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** The header with a request's id, in requests of trusted proxies and in every response. */
export const REQUEST_ID_HEADER = 'X-Request-Id';

/** A proxy's id is accepted if it is short and needs no escaping in logs or headers. */
const SAFE_ID = /^[A-Za-z0-9._-]{1,64}$/;

const current = new AsyncLocalStorage<string>();

/**
 * The id of a request or an upgrade: the one from a trusted proxy, else a new UUID. From other clients the header is
 * ignored, so that they cannot use another request's id in the log.
 *
 * @param isTrusted whether a socket's remote address is one of `TRUSTED_PROXIES`
 */
export function requestIdOf(request: IncomingMessage, isTrusted: (peer: string | undefined) => boolean): string {
  const given = request.headers['x-request-id'];
  const isOurs = typeof given === 'string' && SAFE_ID.test(given) && isTrusted(request.socket.remoteAddress);
  return isOurs ? given : randomUUID();
}

/** Runs a function for a request: every line that it logs, also asynchronously, has the id. */
export function inRequest<T>(requestId: string, work: () => T): T {
  return current.run(requestId, work);
}

/** The id of the current request; undefined outside of requests. */
export function currentRequestId(): string | undefined {
  return current.getStore();
}

/** The header for a response that is written by hand; none outside of requests. */
export function requestIdHeader(): Readonly<Record<string, string>> {
  const requestId = currentRequestId();
  return requestId === undefined ? {} : { [REQUEST_ID_HEADER]: requestId };
}
