import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import { SallyportError } from './sallyport.errors.js';

const COERCION = /^Variable "\$([^"]*)" got invalid value /;

/** An error ready for the wire, and the cause to log when it was not meant to be seen. */
export interface MaskedError {
  readonly shown: GraphQLFormattedError;
  /** The unexpected error behind a masked one; absent where the error was ours or the client's. */
  readonly cause?: unknown;
}

/**
 * Decides what a client may see of an error. Used on both transports, so that neither shows more than the other.
 *
 * Ours pass with code and details. Syntax and validation errors pass with GraphQL's codes; a coercion error names
 * the variable and never echoes its value. Whatever else happened while a field was executed becomes
 * `INTERNAL_SERVER_ERROR` with a fixed message, and the cause is returned for the log.
 */
export function maskError(error: GraphQLError): MaskedError {
  const cause = rootCause(error);
  const place = {
    ...(error.locations ? { locations: error.locations } : {}),
    ...(error.path ? { path: error.path } : {}),
  };
  if (cause instanceof SallyportError) {
    return { shown: { message: cause.message, ...place, extensions: { ...cause.extensions } } };
  }
  // GraphQL's own refusals of a request have no cause behind them and no path: nothing was executed yet.
  if (cause instanceof GraphQLError && !error.path) return { shown: { ...requestError(cause), ...place } };
  const extensions = { code: 'INTERNAL_SERVER_ERROR' };
  return { shown: { message: 'Something went wrong on our side.', ...place, extensions }, cause };
}

function rootCause(error: GraphQLError): unknown {
  let cause: Error = error;
  // Behind a coercion error stands one that knows the value and no longer the variable: the outer one is the cause.
  while (cause instanceof GraphQLError && cause.originalError && !COERCION.test(cause.message))
    cause = cause.originalError;
  return cause;
}

function requestError({ message }: GraphQLError): GraphQLFormattedError {
  if (message.startsWith('Syntax Error')) return { message, extensions: { code: 'GRAPHQL_PARSE_FAILED' } };
  const variable = COERCION.exec(message)?.[1];
  if (variable !== undefined) {
    const extensions = { code: 'BAD_USER_INPUT', field: variable };
    return { message: `Variable "$${variable}" has a value of the wrong type.`, extensions };
  }
  const code = message.startsWith('Variable "$') ? 'BAD_USER_INPUT' : 'GRAPHQL_VALIDATION_FAILED';
  return { message: withoutLiteral(message), extensions: { code } };
}

/** A literal in the query text may be a password: the error says what is expected, not what was found. */
function withoutLiteral(message: string): string {
  return message
    .replace(/^(Expected value of type "[^"]*"), found .*$/s, '$1.')
    .replace(/^(.* cannot represent [^:]*value): .*$/s, '$1.');
}
