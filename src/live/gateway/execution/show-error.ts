import type { GraphQLError, GraphQLFormattedError } from 'graphql';
import type { Logger } from 'pino';
import { maskError } from '../../errors/mask-error.js';

/** What a client sees of an error, on both transports; the unexpected cause goes to the log. */
export function showError(error: GraphQLError, logger: Logger): GraphQLFormattedError {
  const { shown, cause } = maskError(error);
  if (cause !== undefined) logger.error({ err: cause, path: error.path }, 'a resolver failed');
  return shown;
}
