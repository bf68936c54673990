import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { ErrorCode } from '../../protocol/error-code.js';
import { HTTP_STATUS, SallyportError, HttpRefusalError } from '../../live/errors/sallyport.errors.js';

interface ShownError {
  readonly status: number;
  readonly code: ErrorCode;
  readonly message: string;
}

/**
 * Answers plain HTTP routes with `{ "error": { "code", "message", … } }` and the status of the one table. Unexpected errors are
 * handed to the log and shown as nothing but `INTERNAL_SERVER_ERROR`. GraphQL's errors pass by: `maskError` is theirs.
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

  /** Answers a request with an error. Called as well for what Fastify refuses before any route sees it, such as a body that is no JSON. */
  answer(error: unknown, response: FastifyReply): void {
    const { details, code, message } = this.#prepare(error, response);
    void response.send({ error: { ...details, code, message } });
  }

  /** The same in the shape of GraphQL, for what is refused on `/graphql` before GraphQL sees it. */
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
    if (status !== null) return { status, code: 'BAD_USER_INPUT', message: 'The request is malformed or too large.' };
    this.unexpected(error);
    return { status: 500, code: 'INTERNAL_SERVER_ERROR', message: 'Something went wrong on our side.' };
  }
}

/** The 4xx status that Nest or Fastify has put on an error of the client's, such as a body that is no JSON; null for any other. */
function clientFault(error: unknown): number | null {
  if (!(error instanceof Error)) return null;
  const status: unknown =
    error instanceof HttpException ? error.getStatus() : (error as { statusCode?: unknown }).statusCode;
  return typeof status === 'number' && status >= 400 && status < 500 ? status : null;
}
