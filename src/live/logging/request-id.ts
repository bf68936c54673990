import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Context, ROOT_CONTEXT } from '@opentelemetry/api';

/** The header with a request's id, in requests of trusted proxies and in every response. */
export const REQUEST_ID_HEADER = 'X-Request-Id';

/** A proxy's id is accepted if it is short and needs no escaping in logs or headers. */
const SAFE_ID = /^[A-Za-z0-9._-]{1,64}$/;

/** What belongs to one request. */
interface RequestScope {
  readonly requestId: string;
  /** OpenTelemetry's, with the request's span if there is one. */
  readonly context: Context;
}

const current = new AsyncLocalStorage<RequestScope>();
/** Requests that have no complete response yet. */
let running = 0;

/**
 * The id of a request or an upgrade: the one from a trusted proxy, else a new UUID. From other clients the header is
 * ignored, so that they cannot use another request's id in the log.
 *
 * @param isTrusted whether a socket's remote address is one of `TRUSTED_PROXIES`
 */
export function requestIdOf(request: IncomingMessage, isTrusted: (peer: string | undefined) => boolean): string {
  const given = request.headers['x-request-id'];
  const isOurs = typeof given === 'string' && SAFE_ID.test(given) && isTrusted(request.socket.remoteAddress);
  return isOurs ? given : newRequestId();
}

/** A new id, a UUID in one piece: `randomUUID` joins 20 strings, which V8 keeps as such, and a socket keeps its id. */
export function newRequestId(): string {
  return Buffer.from(randomUUID(), 'latin1').toString('latin1');
}

/**
 * Handles a request: every line that it logs until its response is complete, also asynchronously, has the id.
 *
 * On Node 20 the storage makes every promise of the process slower and larger, so it is switched off while no request
 * is running. Sockets do not use it: see docs/decisions/request-ids.md.
 */
export function inRequest(
  requestId: string,
  response: ServerResponse,
  handle: () => void,
  context: Context = ROOT_CONTEXT,
): void {
  running += 1;
  response.once('close', () => {
    running -= 1;
    if (running === 0) current.disable();
  });
  current.run({ requestId, context }, handle);
}

/** The id of the current request; undefined outside requests. */
export function currentRequestId(): string | undefined {
  return current.getStore()?.requestId;
}

/** OpenTelemetry's context of the current request; undefined outside requests. */
export function currentContext(): Context | undefined {
  return current.getStore()?.context;
}

/** Runs a part of the current request in another context. Outside of requests, only runs it. */
export function inContext<T>(context: Context, run: () => T): T {
  const scope = current.getStore();
  return scope ? current.run({ requestId: scope.requestId, context }, run) : run();
}
