import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import { SallyportError } from './sallyport.errors.js';

const PARSE_AND_VALIDATION_CODES = new Set(['GRAPHQL_PARSE_FAILED', 'GRAPHQL_VALIDATION_FAILED']);
const COERCION_VALUE = /^(Variable "\$[^"]*" got invalid value) .*?( at "[^"]*"| ?; )?.*$/s;

/** An error ready for the wire, and the cause to log when it was not meant to be seen. */
export interface MaskedError {
  readonly shown: GraphQLFormattedError;
  /** The unexpected error behind a masked one; absent where the error was ours or the client's. */
  readonly cause?: unknown;
}

/**
 * Decides what a client may see of an error. Used on both transports, so that neither shows more than the other.
 *
 * Ours pass with code and details. Syntax and validation errors pass with GraphQL's codes.
 * A coercion error names the variable and never echoes its value. Everything else becomes
 * `INTERNAL_SERVER_ERROR` with a fixed message; the cause is returned for the log.
 */
export function maskError(error: GraphQLError): MaskedError {
  const original = rootCause(error);
  const place = {
    ...(error.locations ? { locations: error.locations } : {}),
    ...(error.path ? { path: error.path } : {}),
  };
  if (original instanceof SallyportError) {
    return { shown: { message: original.message, ...place, extensions: { ...original.extensions } } };
  }
  const code = error.extensions['code'];
  if (original === undefined || original === error) {
    return { shown: { message: withoutValue(error.message), ...place, extensions: { code: clientCode(error, code) } } };
  }
  return {
    shown: {
      message: 'Something went wrong on our side.',
      ...place,
      extensions: { code: 'INTERNAL_SERVER_ERROR' },
    },
    cause: original,
  };
}

function rootCause(error: GraphQLError): unknown {
  let cause: unknown = error.originalError;
  while (cause instanceof GraphQLError && cause.originalError) cause = cause.originalError;
  return cause;
}

function clientCode(error: GraphQLError, code: unknown): string {
  if (typeof code === 'string' && (PARSE_AND_VALIDATION_CODES.has(code) || code === 'BAD_USER_INPUT')) return code;
  if (error.message.startsWith('Syntax Error')) return 'GRAPHQL_PARSE_FAILED';
  if (error.message.startsWith('Variable "$')) return 'BAD_USER_INPUT';
  return 'GRAPHQL_VALIDATION_FAILED';
}

function withoutValue(message: string): string {
  return message.replace(COERCION_VALUE, '$1.');
}
