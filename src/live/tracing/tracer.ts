import {
  type Attributes,
  context,
  type Context,
  ProxyTracerProvider,
  type Span,
  type SpanContext,
  SpanStatusCode,
  trace,
  type Tracer,
} from '@opentelemetry/api';
import { isSampled } from './trace-context.js';

/** The instrumentation scope of every span. */
const SCOPE = 'sallyport';

/**
 * The tracer of the process's OpenTelemetry SDK: that of the stand-alone server, or the application's own. Undefined
 * while no SDK is registered; a caller then does nothing and allocates nothing.
 */
export function activeTracer(): Tracer | undefined {
  const provider = trace.getTracerProvider();
  return provider instanceof ProxyTracerProvider ? provider.getDelegateTracer(SCOPE) : provider.getTracer(SCOPE);
}

/**
 * Whether a span in this context may be recorded: not if it continues a trace that is not sampled. Asking first is
 * much cheaper than starting a span that records nothing.
 */
export function mayRecord(parent: Context): boolean {
  const span = trace.getSpanContext(parent);
  return span === undefined || isSampled(span);
}

/** The current span, if an SDK is registered and its trace is sampled. */
export function currentTrace(): SpanContext | undefined {
  const span = activeTracer() && trace.getSpanContext(context.active());
  return span && isSampled(span) ? span : undefined;
}

/** A context whose spans continue a trace that was started elsewhere. */
export function continuing(parent: Context, span: SpanContext): Context {
  return trace.setSpanContext(parent, span);
}

/**
 * Ends a span. A failure is named by its class; its message and stack could contain what a span must not. Never throws:
 * the processors of an application's SDK run in here.
 */
export function endSpan(span: Span, attributes: Attributes, error?: unknown): void {
  span.setAttributes(attributes);
  if (error !== undefined) {
    span.setAttribute('error.type', error instanceof Error ? error.constructor.name : '_OTHER');
    span.setStatus({ code: SpanStatusCode.ERROR });
  }
  try {
    span.end();
  } catch {
    // What was traced has its own outcome.
  }
}
