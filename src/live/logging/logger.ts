import { type DestinationStream, type Logger, pino } from 'pino';
import { currentRequestId } from './request-id.js';

/** Injection token of the process's pino logger. */
export const LOGGER = Symbol('LOGGER');

/** Keys whose values never reach a log line, at the top and one and two levels down. */
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

/** The longest origin in a log line, in characters: it is the client's own text. */
const MAX_ORIGIN_LENGTH = 200;

/**
 * Makes the structured logger: one JSON object a line, UTC times, control characters escaped by JSON, and `requestId` in what is
 * logged on behalf of a request or a socket.
 * Call sites log facts by name and never a request, a header set or an error's input as a whole; redaction is the second defence.
 *
 * @param level one of pino's levels, or `silent`
 * @param destination where lines go; default standard output
 */
export function createLogger(level: string, destination?: DestinationStream): Logger {
  const paths = SECRET_KEYS.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]);
  const options = {
    level,
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    mixin: requestFacts,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { origin: cutOrigin },
    redact: { paths, censor: '[redacted]' },
  };
  return destination ? pino(options, destination) : pino(options);
}

function requestFacts(): object {
  const requestId = currentRequestId();
  return requestId === undefined ? {} : { requestId };
}

function cutOrigin(origin: unknown): unknown {
  return typeof origin === 'string' && origin.length > MAX_ORIGIN_LENGTH
    ? `${origin.slice(0, MAX_ORIGIN_LENGTH)}…`
    : origin;
}
