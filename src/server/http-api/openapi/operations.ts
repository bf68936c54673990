import { type Schema, schema, type SCHEMAS } from './schemas.js';

/** The responses to requests that are refused, by HTTP status. */
export const REFUSALS = {
  400: refusal('A parameter or a field is missing, unknown or malformed.', 'BAD_USER_INPUT', 'viewer is missing.'),
  401: {
    ...refusal(
      'The API key is missing, unknown, revoked or expired, or may not be used from this address.',
      'UNAUTHENTICATED',
      'Send a valid API key: Authorization: Bearer sallyport_key_…',
    ),
    headers: { 'WWW-Authenticate': { description: 'The scheme: `Bearer`.', schema: { type: 'string' } } },
  },
  403: refusal('The API key lacks the scope.', 'FORBIDDEN', 'This key lacks the scope presence.'),
  404: refusal('Not found.', 'NOT_FOUND', 'There is nothing here.'),
  413: refusal('The body is too large.', 'BAD_USER_INPUT', 'The body is too large.'),
  415: refusal(
    'The content type of the body is not accepted.',
    'BAD_USER_INPUT',
    'This route does not accept the content type, charset or encoding of the body.',
  ),
  429: refusal(
    'A rate limit was reached.',
    'TOO_MANY_REQUESTS',
    'This key is over its rate limit: wait and send the same again.',
    7,
  ),
  503: refusal(
    'A store is unavailable: send the same again.',
    'UNAVAILABLE',
    'The service cannot answer right now: try again in a moment.',
    1,
  ),
} as const;

/** One of {@link REFUSALS}. */
export type RefusalStatus = keyof typeof REFUSALS;

/** A response to a request that is refused. */
export function refusal(description: string, code: string, message: string, retryAfterSeconds?: number): Schema {
  const error = retryAfterSeconds === undefined ? { code, message } : { code, message, retryAfterSeconds };
  const headers =
    retryAfterSeconds === undefined
      ? {}
      : { headers: { 'Retry-After': { description: 'Seconds.', schema: { type: 'integer', minimum: 1 } } } };
  return {
    description,
    ...headers,
    content: { 'application/json': { schema: schema('Error'), example: { error } } },
  };
}

/** The responses of these statuses, as references to the document's components. */
export function refusals(...statuses: readonly RefusalStatus[]): Schema {
  return Object.fromEntries(
    statuses.map((status) => [status, { $ref: `#/components/responses/${responseName(status)}` }]),
  );
}

/** The name of a response among the document's components. */
export function responseName(status: number): string {
  return `Refused${status}`;
}

/** A body or a response of JSON. */
export function json(name: keyof typeof SCHEMAS, example: unknown): Schema {
  return { 'application/json': { schema: schema(name), example } };
}

/** A required body of JSON. */
export function body(name: keyof typeof SCHEMAS, example: unknown): Schema {
  return { required: true, content: json(name, example) };
}

/** A response of status 200 with JSON. */
export function ok(description: string, name: keyof typeof SCHEMAS, example: unknown): Schema {
  return { 200: { description, content: json(name, example) } };
}

/** A parameter of the query. */
export function parameter(name: string, description: string, of: Schema, more: Schema = {}): Schema {
  return { name, in: 'query', description, schema: of, ...more };
}
