import { ROOT_CONTEXT, type SpanContext, SpanKind } from '@opentelemetry/api';
import { activeTracer, continuing, endSpan } from './tracer.js';

/** A revocation that was announced, here or on another node. */
interface Announced {
  readonly node: 'own' | 'other';
  /** The span that announced it, if its trace is sampled. */
  readonly trace?: SpanContext | undefined;
}

/**
 * Closes the sockets of a revocation as a span of the trace that announced it, on each node. A revocation whose trace
 * is not sampled, or that the node detected itself, has no span.
 *
 * @param sessions how many sessions have ended; 0 if tokens of a viewer were revoked
 */
export function inRevocationSpan(announced: Announced | null, sessions: number, close: () => void): void {
  const tracer = announced?.trace && activeTracer();
  if (!tracer) return close();
  const span = tracer.startSpan(
    'close sockets',
    { kind: announced.node === 'own' ? SpanKind.INTERNAL : SpanKind.CONSUMER, links: [{ context: announced.trace }] },
    continuing(ROOT_CONTEXT, announced.trace),
  );
  try {
    close();
  } finally {
    endSpan(span, { 'sallyport.revocation.sessions': sessions });
  }
}
