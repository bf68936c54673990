import { ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { CloseCode } from '../../../protocol/close-code.js';
import { activeTracer, endSpan } from '../../tracing/tracer.js';
import type { Connection } from '../connection/connection.js';

/** Close codes that are this server's fault or limit. */
const OWN_FAULTS: ReadonlySet<number | null> = new Set([CloseCode.TryAgainLater, CloseCode.InternalError]);

/**
 * Admits a connection as the span `connection_init`, from its upgrade to the acknowledgement or the close. The span is
 * the first of its trace: browsers cannot send `traceparent` with an upgrade.
 */
export async function inAdmissionSpan<T>(connection: Connection, admit: () => Promise<T>): Promise<T> {
  const { openedAtMs, facts } = connection;
  const span = activeTracer()?.startSpan(
    'connection_init',
    { kind: SpanKind.SERVER, startTime: openedAtMs },
    ROOT_CONTEXT,
  );
  if (!span?.isRecording()) return admit();
  try {
    const result = await admit();
    end(span, connection, facts.requestId);
    return result;
  } catch (error) {
    endSpan(span, { 'sallyport.request.id': facts.requestId }, error);
    throw error;
  }
}

function end(span: Span, { state, closeCode, resumable }: Connection, requestId: string): void {
  const isAdmitted = state === 'admitted';
  if (!isAdmitted && OWN_FAULTS.has(closeCode)) span.setStatus({ code: SpanStatusCode.ERROR });
  endSpan(span, {
    'sallyport.request.id': requestId,
    'sallyport.socket.admitted': isAdmitted,
    ...(isAdmitted ? { 'sallyport.socket.resumable': resumable } : {}),
    ...(closeCode === null ? {} : { 'sallyport.socket.close_code': closeCode }),
  });
}
