import { IntrinsicException } from '@nestjs/common';
import type { ErrorCode } from '../../protocol/error-code.js';

/** Data that an error shows to the client besides the code. */
export interface ErrorDetails {
  /** The argument or body field that is wrong. */
  readonly field?: string;
  /** Seconds until the same request may succeed. */
  readonly retryAfterSeconds?: number;
}

/**
 * The base of every error that may be shown to a client. All other errors are masked.
 *
 * `message` says what happened and what to do; it never contains a secret or a value from the request. It is an
 * intrinsic exception, which Nest does not log, because a wrong password is not a server fault. graphql-js copies
 * `extensions` to the GraphQLError that wraps a thrown error.
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

/** The request has no valid session. */
export class UnauthenticatedError extends SallyportError {
  constructor(message = 'Sign in first: this requires a valid session.') {
    super('UNAUTHENTICATED', message);
  }
}

/** Details of a failed verification, for the log only. */
export interface CredentialFailure {
  readonly reason: 'unknown-email' | 'wrong-password' | 'account-disabled' | 'account-changed';
  /** The account's UUID, if there is one. */
  readonly userId: string | null;
}

/** Wrong e-mail or password. The same for an unknown e-mail. */
export class InvalidCredentialsError extends SallyportError {
  /** @param failure for the audit log only; not shown to clients */
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

/** The viewer is not allowed to do this. */
export class ForbiddenError extends SallyportError {
  constructor(message: string) {
    super('FORBIDDEN', message);
  }
}

/** Not found, or not visible to the viewer. */
export class NotFoundError extends SallyportError {
  constructor(message: string) {
    super('NOT_FOUND', message);
  }
}

/** A limit was reached; retry after `retryAfterSeconds`. */
export class TooManyRequestsError extends SallyportError {
  /** @param limit which limit it is, for the audit log only; not shown to clients */
  constructor(
    retryAfterSeconds: number,
    message = 'Too many attempts: wait and try again.',
    readonly limit: string | null = null,
  ) {
    super('TOO_MANY_REQUESTS', message, { retryAfterSeconds });
  }
}

/** The waiting time for a refused caller: whole seconds, at least one. */
export function waitSeconds(waitMs: number): number {
  return Math.max(1, Math.ceil(waitMs / 1000));
}

/**
 * A store or a queue that the request needs is unavailable or full. Nothing was partially done, unless what throws it
 * says otherwise. A route of an application that throws it answers 503: Nest, Express and Fastify read it from the error,
 * as from one of http-errors.
 */
export class UnavailableError extends SallyportError {
  constructor(message = 'The service cannot answer right now: try again in a moment.', options?: ErrorOptions) {
    super('UNAVAILABLE', message, { retryAfterSeconds: 1 }, options);
  }

  get status(): number {
    return HTTP_STATUS.UNAVAILABLE;
  }

  get statusCode(): number {
    return this.status;
  }

  /** The message may be shown. */
  get expose(): boolean {
    return true;
  }
}

/**
 * The HTTP status of each code on REST routes (GraphQL answers 200 with `errors`). docs/errors.md has the same table,
 * and a test keeps both equal.
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

/** The statuses of requests that are refused for their form, not for their content. */
export type HttpRefusalStatus = 400 | 405 | 406 | 413 | 415 | 417;

/**
 * A request that is refused at the HTTP level: for its method, content type or size. Its code is `BAD_USER_INPUT`; its
 * status is more specific than the table's.
 */
export class HttpRefusalError extends SallyportError {
  /** @param allow the methods that the route supports, for the `Allow` header of a 405 (RFC 9110 §15.5.6) */
  constructor(
    readonly httpStatus: HttpRefusalStatus,
    message: string,
    readonly allow: string | null = null,
  ) {
    super('BAD_USER_INPUT', message);
  }
}

/**
 * This process cannot start, and its operator can fix that. Entry points print the message as one line, without a
 * stack, and exit with a code other than 0.
 *
 * `message` says what is wrong and what to do; it never contains a secret.
 */
export class StartError extends Error {
  override readonly name = 'StartError';
}
