import { CloseCode } from '../../protocol/close-code.js';
import type { ErrorCode } from '../../protocol/error-code.js';

/** How one code shows on each transport. */
export interface ErrorRow {
  /** Status where the error answers a plain HTTP route (GraphQL answers 200 with `errors`). */
  readonly httpStatus: number;
  /** Close code where the error ends a socket. */
  readonly closeCode: CloseCode;
}

/** The one table from code to transport; docs/errors.md prints it and a test keeps both equal. */
export const ERROR_TABLE: Readonly<Record<ErrorCode, ErrorRow>> = {
  UNAUTHENTICATED: { httpStatus: 401, closeCode: CloseCode.Unauthorized },
  INVALID_CREDENTIALS: { httpStatus: 401, closeCode: CloseCode.Forbidden },
  EMAIL_TAKEN: { httpStatus: 409, closeCode: CloseCode.BadRequest },
  BAD_USER_INPUT: { httpStatus: 400, closeCode: CloseCode.BadRequest },
  FORBIDDEN: { httpStatus: 403, closeCode: CloseCode.Forbidden },
  NOT_FOUND: { httpStatus: 404, closeCode: CloseCode.BadRequest },
  TOO_MANY_REQUESTS: { httpStatus: 429, closeCode: CloseCode.TryAgainLater },
  UNAVAILABLE: { httpStatus: 503, closeCode: CloseCode.TryAgainLater },
  INTERNAL_SERVER_ERROR: { httpStatus: 500, closeCode: CloseCode.InternalError },
};
