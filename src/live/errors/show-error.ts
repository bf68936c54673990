import type { GraphQLError, GraphQLFormattedError } from 'graphql';
import type { Logger } from 'pino';
import { maskError, type MaskedError, maskThrown } from './mask-error.js';

/**
 * What a client sees of an error of GraphQL, on both transports; an unexpected cause goes to the log.
 *
 * @param requestId of a socket's upgrade; a request's own is added by the logger
 */
export function showError(error: GraphQLError, logger: Logger, requestId?: string): GraphQLFormattedError {
  return show(maskError(error), logger, requestId, { path: error.path });
}

/** As {@link showError}, for what code has thrown outside of an execution, such as a source stream. */
export function showThrown(thrown: unknown, logger: Logger, requestId?: string): GraphQLFormattedError {
  return show(maskThrown(thrown), logger, requestId);
}

function show(
  { shown, cause }: MaskedError,
  logger: Logger,
  requestId: string | undefined,
  facts: object = {},
): GraphQLFormattedError {
  // An undefined one would replace the id that the logger adds.
  const id = requestId === undefined ? {} : { requestId };
  if (cause !== undefined) logger.error({ ...id, ...facts, err: cause }, 'a resolver failed');
  return shown;
}
