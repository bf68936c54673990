import { type DestinationStream, type Logger, pino } from 'pino';
import { trace } from '@opentelemetry/api';
import { isSampled } from '../tracing/trace-context.js';
import { logOutput } from './log-output.js';
import { currentContext, currentRequestId } from './request-id.js';

/** Injection token of the process's pino logger. */
export const LOGGER = Symbol('LOGGER');

/** Keys whose values are never logged, at the top level and one and two levels down. */
const SECRET_KEYS = [
  'password',
  'current',
  'next',
  'token',
  'cookie',
  'authorization',
  'signature',
  'secret',
  'key',
  'query',
];

/** Control characters and line ends that JSON does not escape; terminals and collectors act on them. */
const OTHER_CONTROLS = /[\u007f-\u009f\u2028\u2029]/g;

/**
 * Creates the structured logger: one JSON object per line, UTC times, control characters escaped. All lines of a
 * request or a socket have `requestId`; those of a request whose trace is sampled have `trace_id` and `span_id`. Callers
 * log named values, never a whole request, its headers or an error's input; redaction is a second defence.
 *
 * @param level one of pino's levels, or `silent`
 * @param destination the output; default standard output
 * @param facts what every line says of this process; default nothing
 */
export function createLogger(
  level: string,
  destination: DestinationStream = logOutput(),
  facts: object | null = null,
): Logger {
  const paths = SECRET_KEYS.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]);
  const options = {
    level,
    base: facts,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    mixin: requestFacts,
    formatters: { level: (label: string) => ({ level: label }) },
    hooks: { streamWrite: escapeOtherControls },
    redact: { paths, censor: '[redacted]' },
  };
  return pino(options, destination);
}

function requestFacts(): object {
  const requestId = currentRequestId();
  if (requestId === undefined) return {};
  const context = currentContext();
  const span = context && trace.getSpanContext(context);
  // The names that OpenTelemetry gives these fields in logs of other formats than its own.
  return span && isSampled(span) ? { requestId, trace_id: span.traceId, span_id: span.spanId } : { requestId };
}

/** @param line in JSON, which has such characters in strings only */
function escapeOtherControls(line: string): string {
  return line.replaceAll(OTHER_CONTROLS, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
