import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** The header that carries a request's id, in requests of trusted proxies and in every answer. */
export const REQUEST_ID_HEADER = 'X-Request-Id';

/** What is taken over from a proxy: short, and of characters that need no escaping in any log or header. */
const SAFE_ID = /^[A-Za-z0-9._-]{1,64}$/;

const current = new AsyncLocalStorage<string>();

/**
 * The id of a request or an upgrade: the one that a trusted proxy has given it, else a new UUID. Of anybody else the header is
 * ignored, so that nobody writes into the log under another request's id.
 *
 * @param isTrusted whether an address, as the socket tells it, is one of `TRUSTED_PROXIES`
 */
export function requestIdOf(request: IncomingMessage, isTrusted: (peer: string | undefined) => boolean): string {
  const given = request.headers['x-request-id'];
  const isOurs = typeof given === 'string' && SAFE_ID.test(given) && isTrusted(request.socket.remoteAddress);
  return isOurs ? given : randomUUID();
}

/** Runs work on behalf of a request: each line that is logged meanwhile, and in what it starts, carries the id. */
export function inRequest<T>(requestId: string, work: () => T): T {
  return current.run(requestId, work);
}

/** The id of the request on whose behalf this code runs; undefined outside of requests. */
export function currentRequestId(): string | undefined {
  return current.getStore();
}

/** The header of an answer that is written by hand; none outside of requests. */
export function requestIdHeader(): Readonly<Record<string, string>> {
  const requestId = currentRequestId();
  return requestId === undefined ? {} : { [REQUEST_ID_HEADER]: requestId };
}
