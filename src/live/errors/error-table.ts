import type { ErrorCode } from '../../protocol/error-code.js';

/**
 * The status of each code where the error answers a plain HTTP route (GraphQL answers 200 with `errors`). The one table;
 * docs/errors.md prints it and a test keeps both equal.
 */
export const HTTP_STATUS: Readonly<Record<ErrorCode, number>> = {
  UNAUTHENTICATED: 401,
  INVALID_CREDENTIALS: 401,
  EMAIL_TAKEN: 409,
  BAD_USER_INPUT: 400,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  TOO_MANY_REQUESTS: 429,
  UNAVAILABLE: 503,
  INTERNAL_SERVER_ERROR: 500,
};
