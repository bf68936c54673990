import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { ErrorCode } from '../../protocol/error-code.js';
import { HTTP_STATUS, SallyportError, HttpRefusalError } from '../../live/errors/sallyport.errors.js';

interface ShownError {
  readonly status: number;
  readonly code: ErrorCode;
  readonly message: string;
}

/** Messages for client errors that Nest or Fastify finds, by status. */
const FAULTS: Readonly<Record<number, string>> = {
  413: 'The body is too large.',
  415: 'This route does not accept the content type, charset or encoding of the body.',
};

/**
 * Answers errors on REST routes with `{ "error": { "code", "message", … } }` and the status from the error table.
 * Unexpected errors are logged and shown only as `INTERNAL_SERVER_ERROR`. GraphQL errors are handled by `maskError`
 * instead.
 */
@Catch()
export class HttpErrorFilter implements ExceptionFilter {
  /** @param unexpected called with each unexpected error */
  constructor(private readonly unexpected: (error: unknown) => void) {}

  catch(error: unknown, host: ArgumentsHost): unknown {
    if (host.getType<string>() !== 'http') return error;
    this.answer(error, host.switchToHttp().getResponse<FastifyReply>());
    return undefined;
  }

  /**
   * Answers a request with an error. Also called for requests that Fastify refuses before any route, such as a body
   * that is not JSON.
   */
  answer(error: unknown, response: FastifyReply): void {
    const { details, code, message } = this.#prepare(error, response);
    void response.send({ error: { ...details, code, message } });
  }

  /** The same in GraphQL's format, for requests that are refused on `/graphql` before GraphQL handles them. */
  answerGraphql(error: unknown, response: FastifyReply): void {
    const { details, code, message } = this.#prepare(error, response);
    void response.send({ errors: [{ message, extensions: { ...details, code } }] });
  }

  #prepare(error: unknown, response: FastifyReply): ShownError & { readonly details: object } {
    const shown = this.#show(error);
    const details = error instanceof SallyportError ? error.extensions : {};
    const reply = response.code(shown.status).header('Cache-Control', 'no-store');
    if ('retryAfterSeconds' in details) void reply.header('Retry-After', details.retryAfterSeconds);
    if (error instanceof HttpRefusalError && error.allow !== null) void reply.header('Allow', error.allow);
    void reply.header('Content-Type', 'application/json; charset=utf-8');
    return { ...shown, details };
  }

  #show(error: unknown): ShownError {
    if (error instanceof SallyportError) {
      const status = error instanceof HttpRefusalError ? error.httpStatus : HTTP_STATUS[error.code];
      return { status, code: error.code, message: error.message };
    }
    const status = clientFault(error);
    if (status === 404) return { status, code: 'NOT_FOUND', message: 'There is nothing here.' };
    if (status !== null)
      return { status, code: 'BAD_USER_INPUT', message: FAULTS[status] ?? 'The request is malformed.' };
    this.unexpected(error);
    return { status: 500, code: 'INTERNAL_SERVER_ERROR', message: 'Something went wrong on our side.' };
  }
}

/**
 * The 4xx status that Nest or Fastify has set on a client error, such as a body that is not JSON; null for other
 * errors.
 */
function clientFault(error: unknown): number | null {
  if (!(error instanceof Error)) return null;
  const status: unknown =
    error instanceof HttpException ? error.getStatus() : (error as { statusCode?: unknown }).statusCode;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : null;
}
