import { isSpanContextValid, type SpanContext, TraceFlags } from '@opentelemetry/api';

/** Version, trace id, parent id, flags. What a later version appends is ignored. */
const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
/** The longest text that is looked at, in characters. */
const MAX_LENGTH = 128;

/**
 * Parses a `traceparent` from outside (W3C Trace Context, section 3.2); null if it is malformed, so that it is ignored.
 * `tracestate` is not read: a sender may put any text into it.
 */
export function parseTraceparent(text: unknown): SpanContext | null {
  if (typeof text !== 'string' || text.length > MAX_LENGTH) return null;
  const [matched, version, traceId = '', spanId = '', flags = '', rest] = TRACEPARENT.exec(text) ?? [];
  if (matched === undefined || (version === '00' && rest !== undefined)) return null;
  const traceFlags = Number.parseInt(flags, 16) & TraceFlags.SAMPLED;
  const context = { traceId, spanId, traceFlags, isRemote: true };
  return isSpanContextValid(context) ? context : null;
}

/** As {@link parseTraceparent}; null also for a trace that is not sampled. */
export function parseSampled(text: unknown): SpanContext | null {
  const context = parseTraceparent(text);
  return context && isSampled(context) ? context : null;
}

/** Writes the context of a span as a `traceparent`: 55 characters. */
export function formatTraceparent({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-0${traceFlags & TraceFlags.SAMPLED}`;
}

/** Whether the trace of this context is recorded. */
export function isSampled({ traceFlags }: SpanContext): boolean {
  return (traceFlags & TraceFlags.SAMPLED) !== 0;
}
