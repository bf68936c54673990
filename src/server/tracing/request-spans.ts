import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Context, context, ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { type AddressRange, peerTest } from '../../live/viewer/client-address.js';
import { isSampled, parseTraceparent } from '../../live/tracing/trace-context.js';
import { activeTracer, continuing } from '../../live/tracing/tracer.js';

/** Requests of supervisors, which would be most of the spans of an idle node. */
const UNTRACED = new Set(['/healthz', '/readyz', '/metrics']);
/** Methods that a span may be named by (HTTP conventions: others are `_OTHER`). */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH', 'QUERY']);
/**
 * Traces a second that requests of anyone may have recorded by asking for it in `traceparent`. Beyond, the sampler
 * decides as for a request without one, so that a stranger cannot have every request recorded.
 */
const ASKED_PER_SECOND = 100;

/** One span for each HTTP request, by the conventions for HTTP servers, as a child of the span that its sender names. */
export class RequestSpans {
  readonly #isTrusted: (peer: string | undefined) => boolean;
  #asked = 0;
  #countedFromMs = -Infinity;

  /** @param trustedProxies may ask for any number of traces */
  constructor(trustedProxies: readonly AddressRange[]) {
    this.#isTrusted = peerTest(trustedProxies);
  }

  /** Starts the span of a request, which ends with its response. Returns the context to handle the request in. */
  begin(request: IncomingMessage, response: ServerResponse, requestId: string): Context {
    const tracer = activeTracer();
    const { method = '', url = '' } = request;
    if (!tracer || UNTRACED.has(url)) return ROOT_CONTEXT;
    const known = METHODS.has(method) ? method : '_OTHER';
    const span = tracer.startSpan(
      known === '_OTHER' ? 'HTTP' : known,
      { kind: SpanKind.SERVER },
      this.#parent(request),
    );
    if (span.isRecording()) {
      span.setAttributes({ 'http.request.method': known, 'sallyport.request.id': requestId });
      response.once('close', () => finish(span, response));
    }
    return trace.setSpan(ROOT_CONTEXT, span);
  }

  #parent({ headers, socket }: IncomingMessage): Context {
    const asked = parseTraceparent(headers['traceparent']);
    if (!asked) return ROOT_CONTEXT;
    const isAllowed = !isSampled(asked) || this.#isTrusted(socket.remoteAddress) || this.#isWithinLimit();
    return isAllowed ? continuing(ROOT_CONTEXT, asked) : ROOT_CONTEXT;
  }

  #isWithinLimit(): boolean {
    const nowMs = performance.now();
    if (nowMs - this.#countedFromMs >= 1_000) {
      this.#countedFromMs = nowMs;
      this.#asked = 0;
    }
    return ++this.#asked <= ASKED_PER_SECOND;
  }
}

/** Names the current request's span by its route: paths are of the client's choosing, and may contain a signature. */
export function nameByRoute(method: string, route: string | undefined): void {
  const span = trace.getSpan(context.active());
  if (route === undefined || !span?.isRecording()) return;
  span.updateName(`${method} ${route}`).setAttribute('http.route', route);
}

function finish(span: Span, response: ServerResponse): void {
  const { statusCode, headersSent, writableFinished } = response;
  if (headersSent) span.setAttribute('http.response.status_code', statusCode);
  if (statusCode >= 500) span.setAttribute('error.type', String(statusCode)).setStatus({ code: SpanStatusCode.ERROR });
  else if (!writableFinished) span.setAttribute('error.type', 'aborted');
  span.end();
}
