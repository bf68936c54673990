import { GraphQLError, type GraphQLFormattedError, Kind } from 'graphql';
import { SallyportError } from './sallyport.errors.js';

const COERCION = /^Variable "\$([^"]*)" got invalid value /;
/** What graphql-js says of a variable that is absent or null where it may not be; other messages that begin alike are about the document. */
const MISSING_VARIABLE =
  /^Variable "\$([^"]*)" of (?:required|non-null) type "[^"]*" (?:was not provided|must not be null)\.$/;
/** What graphql-js says of an argument whose variable is null or absent where it may not be. */
const MISSING_ARGUMENT =
  /^Argument "([^"]*)" of (?:required|non-null) type "[^"]*" (?:was provided the variable "[^"]*" which was not provided a runtime value|must not be null)\.$/;
/** Codes of Apollo Server for requests that reach no operation; they say nothing of the server's inside. */
const APOLLO_CODES = new Set<unknown>(['BAD_REQUEST', 'PERSISTED_QUERY_NOT_SUPPORTED', 'OPERATION_RESOLUTION_FAILURE']);

/** The longest message that GraphQL's own errors show, in characters. */
const MAX_MESSAGE_LENGTH = 300;

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
  if (cause instanceof GraphQLError && (!error.path || isVariableFault(cause))) {
    const { message, ...rest } = requestError(cause);
    return { shown: { message: shortened(message), ...rest, ...place } };
  }
  const extensions = { code: 'INTERNAL_SERVER_ERROR' };
  return { shown: { message: 'Something went wrong on our side.', ...place, extensions }, cause };
}

/** GraphQL's messages repeat names from the query, which may be as long as the query. */
function shortened(message: string): string {
  return message.length <= MAX_MESSAGE_LENGTH ? message : `${message.slice(0, MAX_MESSAGE_LENGTH)}…`;
}

function rootCause(error: GraphQLError): unknown {
  let cause: Error = error;
  // Behind a coercion error stands one that knows the value and no longer the variable: the outer one is the cause.
  while (cause instanceof GraphQLError && cause.originalError && !COERCION.test(cause.message))
    cause = cause.originalError;
  return cause;
}

/**
 * Whether a variable is at fault that graphql-js looks at while it executes: given as null, with a default, where the
 * argument may not be null. The node tells it from an error that a resolver has thrown with the same words.
 */
function isVariableFault({ message, nodes }: GraphQLError): boolean {
  return MISSING_ARGUMENT.test(message) && nodes?.length === 1 && nodes[0]?.kind === Kind.VARIABLE;
}

function requestError({ message, extensions }: GraphQLError): GraphQLFormattedError {
  if (message.startsWith('Syntax Error')) {
    return { message: withoutTokens(message), extensions: { code: 'GRAPHQL_PARSE_FAILED' } };
  }
  const variable = COERCION.exec(message)?.[1];
  if (variable !== undefined) {
    const extensions = { code: 'BAD_USER_INPUT', field: variable };
    return { message: `Variable "$${variable}" has a value of the wrong type.`, extensions };
  }
  const missing = (MISSING_VARIABLE.exec(message) ?? MISSING_ARGUMENT.exec(message))?.[1];
  if (missing !== undefined) return { message, extensions: { code: 'BAD_USER_INPUT', field: missing } };
  const code = APOLLO_CODES.has(extensions['code']) ? extensions['code'] : 'GRAPHQL_VALIDATION_FAILED';
  return { message: withoutLiteral(message), extensions: { code } };
}

/** A syntax error says which kind of token is wrong, and where; the text of the token may be part of a password. */
function withoutTokens(message: string): string {
  return message
    .replace(/\b((?:Block)?String|Int|Float|Name) ".*"/s, '$1')
    .replace(/^(Syntax Error: [^"]*?): (?:["']|U\+).*$/s, '$1.');
}

/** A literal in the query text may be a password: the error says what is expected, not what was found. */
function withoutLiteral(message: string): string {
  return message
    .replace(/^(Expected value of type "[^"]*"), found .*$/s, '$1.')
    .replace(/^(.* cannot represent [^:]*value): .*$/s, '$1.')
    .replace(/^Value "[^"]*" (does not exist in "[^"]*" enum).*$/s, 'The value $1.')
    .replace(/^(Argument "[^"]*" has) invalid value .*$/s, '$1 an invalid value.');
}
