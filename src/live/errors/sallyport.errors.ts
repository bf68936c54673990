import { IntrinsicException } from '@nestjs/common';
import type { ErrorCode } from '../../protocol/error-code.js';

/** Data that an error shows to its client beside the code. */
export interface ErrorDetails {
  /** The argument or body field that is wrong. */
  readonly field?: string;
  /** Seconds until the same request may succeed. */
  readonly retryAfterSeconds?: number;
}

/**
 * The base of every error that may be shown to a client. Whatever is not one of these is masked.
 *
 * `message` says what happened and what to do; it never carries a secret or a value from the request.
 * Nest logs no intrinsic exception: a wrong password is no fault of the server.
 * graphql-js copies `extensions` onto the GraphQLError it makes of a thrown error.
 */
export class SallyportError extends IntrinsicException {
  readonly extensions: ErrorDetails & { readonly code: ErrorCode };

  constructor(
    readonly code: ErrorCode,
    message: string,
    details: ErrorDetails = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = new.target.name;
    this.extensions = { code, ...details };
  }
}

/** No live session came with the request. */
export class UnauthenticatedError extends SallyportError {
  constructor(message = 'Sign in first: this needs a live session.') {
    super('UNAUTHENTICATED', message);
  }
}

/** What only the log may know of a failed verification. */
export interface CredentialFailure {
  readonly reason: 'unknown-email' | 'wrong-password' | 'account-disabled' | 'account-changed';
  /** The account's UUID, where there is one. */
  readonly userId: string | null;
}

/** E-mail and password do not belong together. Says the same for an unknown e-mail. */
export class InvalidCredentialsError extends SallyportError {
  /** @param failure for the audit log alone; no client sees it */
  constructor(
    message = 'The e-mail or the password is wrong.',
    readonly failure: CredentialFailure | null = null,
  ) {
    super('INVALID_CREDENTIALS', message);
  }
}

/** An account with this e-mail exists. */
export class EmailTakenError extends SallyportError {
  constructor() {
    super('EMAIL_TAKEN', 'This e-mail is registered already: sign in instead.', { field: 'email' });
  }
}

/** An argument or a body field is wrong; `field` names it. */
export class BadUserInputError extends SallyportError {
  constructor(field: string, message: string) {
    super('BAD_USER_INPUT', message, { field });
  }
}

/** The viewer is known and may not do this. */
export class ForbiddenError extends SallyportError {
  constructor(message: string) {
    super('FORBIDDEN', message);
  }
}

/** No such thing, or none that the viewer may know of. */
export class NotFoundError extends SallyportError {
  constructor(message: string) {
    super('NOT_FOUND', message);
  }
}

/** A limit is reached; `retryAfterSeconds` says when to come back. */
export class TooManyRequestsError extends SallyportError {
  /** @param limit which limit it is, for the audit log alone; no client sees it */
  constructor(
    retryAfterSeconds: number,
    message = 'Too many attempts: wait and try again.',
    readonly limit: string | null = null,
  ) {
    super('TOO_MANY_REQUESTS', message, { retryAfterSeconds });
  }
}

/** How long a refused caller is told to wait: whole seconds, at least one. */
export function waitSeconds(waitMs: number): number {
  return Math.max(1, Math.ceil(waitMs / 1000));
}

/** A store or a queue that the request needs is away or full. Nothing was half-done. */
export class UnavailableError extends SallyportError {
  constructor(message = 'The service cannot answer right now: try again in a moment.', options?: ErrorOptions) {
    super('UNAVAILABLE', message, { retryAfterSeconds: 1 }, options);
  }
}

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

/** The statuses with which a request is refused for its form, and not for what it asks. */
export type HttpRefusalStatus = 400 | 405 | 406 | 413 | 415 | 417;

/**
 * A request that HTTP itself refuses: its method, its type, its size. Its code is `BAD_USER_INPUT`, its status is more
 * exact than the table's.
 */
export class HttpRefusalError extends SallyportError {
  /** @param allow the methods that the route takes instead, for the `Allow` header of a 405 (RFC 9110 §15.5.6) */
  constructor(
    readonly httpStatus: HttpRefusalStatus,
    message: string,
    readonly allow: string | null = null,
  ) {
    super('BAD_USER_INPUT', message);
  }
}

/**
 * This process cannot start, and its operator can mend that. Entry points print the message as one line,
 * without a stack, and exit with a code other than 0.
 *
 * `message` says what is wrong and what to do; it never carries a secret.
 */
export class StartError extends Error {
  override readonly name = 'StartError';
}
