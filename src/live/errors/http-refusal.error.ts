import { SallyportError } from './sallyport.errors.js';

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
