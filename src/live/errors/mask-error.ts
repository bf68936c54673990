import { inspect } from 'node:util';
import { HttpException } from '@nestjs/common';
import { GraphQLError, type GraphQLFormattedError, Kind } from 'graphql';
import { SallyportError } from './sallyport.errors.js';

const COERCION = /^Variable "\$([^"]*)" got invalid value /;
/**
 * graphql-js's message for a required variable that is absent or null; other messages with the same beginning are about
 * the document.
 */
const MISSING_VARIABLE =
  /^Variable "\$([^"]*)" of (?:required|non-null) type "[^"]*" (?:was not provided|must not be null)\.$/;
/** graphql-js's message for a required argument whose variable is null or absent. */
const MISSING_ARGUMENT =
  /^Argument "([^"]*)" of (?:required|non-null) type "[^"]*" (?:was provided the variable "[^"]*" which was not provided a runtime value|must not be null)\.$/;
/** graphql-js's message for an argument that is a list or an object with a null from a variable. */
const INVALID_ARGUMENT = /^Argument "([^"]*)" has invalid value /;
/** Apollo Server's codes for requests that reach no operation; they reveal no internal details. */
const APOLLO_CODES = new Set<unknown>(['BAD_REQUEST', 'PERSISTED_QUERY_NOT_SUPPORTED', 'OPERATION_RESOLUTION_FAILURE']);

/** The longest message that GraphQL's own errors show, in characters. */
const MAX_MESSAGE_LENGTH = 300;

/** The codes of Nest's exceptions, as its Apollo driver has them; other statuses from 400 to 499: `BAD_USER_INPUT`. */
const CODE_OF_STATUS: Readonly<Record<number, string>> = {
  401: 'UNAUTHENTICATED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  429: 'TOO_MANY_REQUESTS',
};

/** An error ready for the wire, and the cause to log when it was not meant to be seen. */
export interface MaskedError {
  readonly shown: GraphQLFormattedError;
  /** The unexpected error behind a masked one; absent if the error was ours or the client's. */
  readonly cause?: unknown;
}

/** Where in an operation an error has occurred. */
type Place = Pick<GraphQLFormattedError, 'locations' | 'path'>;

/**
 * Decides what a client may see of an error of GraphQL. Used on both transports, so that both show the same.
 *
 * Shown are: our errors, with code and details; syntax and validation errors, with GraphQL's codes (a coercion error
 * names the variable and never repeats its value); Nest's exceptions from 400 to 499, as a guard throws them; and a
 * GraphQLError to which a resolver has given a code. Any other error during execution becomes `INTERNAL_SERVER_ERROR`
 * with a fixed message, and the cause is returned for the log.
 */
export function maskError(error: GraphQLError): MaskedError {
  const cause = rootCause(error);
  const place: Place = {
    ...(error.locations ? { locations: error.locations } : {}),
    ...(error.path ? { path: error.path } : {}),
  };
  // Errors with which GraphQL refuses a request have no cause and no path, because nothing was executed yet.
  if (cause instanceof GraphQLError && (!error.path || isVariableFault(cause))) {
    const { message, ...rest } = requestError(cause);
    return { shown: { message: shortened(message), ...rest, ...place } };
  }
  return maskThrown(cause, place);
}

/**
 * The same for what code has thrown. Never a refusal of a request: GraphQL has accepted it.
 *
 * @param place where in the operation, if that is known
 */
export function maskThrown(thrown: unknown, place: Place = {}): MaskedError {
  if (thrown instanceof SallyportError) {
    return { shown: { message: thrown.message, ...place, extensions: { ...thrown.extensions } } };
  }
  const meant = meantForClients(thrown);
  if (meant) return { shown: { ...meant, ...place } };
  const extensions = { code: 'INTERNAL_SERVER_ERROR' };
  // The log has a stack even for a thrown text.
  const cause = thrown instanceof Error ? thrown : new Error(`Not an Error: ${inspect(thrown)}`);
  return { shown: { message: 'Something went wrong on our side.', ...place, extensions }, cause };
}

/** What an application throws for its client to see; null for anything else. */
function meantForClients(cause: unknown): GraphQLFormattedError | null {
  if (cause instanceof HttpException) {
    const status = cause.getStatus();
    if (status < 400 || status > 499) return null;
    const response = cause.getResponse();
    // As Nest's Apollo driver: the messages of a ValidationPipe are nowhere else.
    const details = typeof response === 'string' ? {} : { originalError: response };
    return { message: cause.message, extensions: { code: CODE_OF_STATUS[status] ?? 'BAD_USER_INPUT', ...details } };
  }
  // The errors of graphql-js itself have no code, and may repeat a payload's value.
  const code = cause instanceof GraphQLError ? cause.extensions['code'] : undefined;
  if (!(cause instanceof GraphQLError) || typeof code !== 'string' || code === 'INTERNAL_SERVER_ERROR') return null;
  return { message: cause.message, extensions: cause.extensions };
}

/** GraphQL's messages repeat names from the query, which may be as long as the query. */
function shortened(message: string): string {
  return message.length <= MAX_MESSAGE_LENGTH ? message : `${message.slice(0, MAX_MESSAGE_LENGTH)}…`;
}

function rootCause(error: GraphQLError): unknown {
  let cause: Error = error;
  // The original error of a coercion error contains the value and not the variable, so the outer one is used as the
  // cause.
  while (cause instanceof GraphQLError && cause.originalError && !COERCION.test(cause.message))
    cause = cause.originalError;
  return cause;
}

/**
 * Whether the cause is a variable that graphql-js checks only during execution: null, with a default, for a non-null
 * argument or a non-null part of one. The AST node distinguishes this from an error with the same message thrown by a
 * resolver.
 */
function isVariableFault({ message, nodes = [] }: GraphQLError): boolean {
  const [node, ...others] = nodes;
  if (!node || others.length > 0) return false;
  if (node.kind === Kind.VARIABLE) return MISSING_ARGUMENT.test(message);
  return (node.kind === Kind.LIST || node.kind === Kind.OBJECT) && INVALID_ARGUMENT.test(message);
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
  const invalid = INVALID_ARGUMENT.exec(message)?.[1];
  if (invalid !== undefined) {
    const extensions = { code: 'BAD_USER_INPUT', field: invalid };
    return { message: `Argument "${invalid}" has an invalid value.`, extensions };
  }
  const code = APOLLO_CODES.has(extensions['code']) ? extensions['code'] : 'GRAPHQL_VALIDATION_FAILED';
  return { message: withoutLiteral(message), extensions: { code } };
}

/** A syntax error shows the kind and position of the wrong token, not its text, which may be part of a password. */
function withoutTokens(message: string): string {
  return message
    .replace(/\b((?:Block)?String|Int|Float|Name) ".*"/s, '$1')
    .replace(/^(Syntax Error: [^"]*?): (?:["']|U\+).*$/s, '$1.');
}

/** A literal in the query may be a password, so the error says what was expected, not what was found. */
function withoutLiteral(message: string): string {
  return message
    .replace(/^(Expected value of type "[^"]*"), found .*$/s, '$1.')
    .replace(/^(.* cannot represent [^:]*value): .*$/s, '$1.')
    .replace(/^Value "[^"]*" (does not exist in "[^"]*" enum).*$/s, 'The value $1.');
}
