import type { FastifyReply, FastifyRequest } from 'fastify';
import type { HttpErrorFilter } from '../http/http-error.filter.js';
import { HttpRefusalError, ForbiddenError } from '../../live/errors/sallyport.errors.js';
import { requireJson } from '../http/request-bodies.js';
import type { RouteRule } from '../http/route-rules.js';
import { GRAPHQL_PATH, SUBPROTOCOL } from '../../protocol/payload.js';
import type { HttpOrigins } from '../../live/gateway/admission/http-origins.js';

const MAX_GRAPHQL_BODY_BYTES = 100 * 1024;
/** The values of `Sec-Fetch-Site` for requests not made by another site (Fetch Metadata §2.3). */
const OWN_SITE: ReadonlySet<unknown> = new Set(['same-origin', 'none']);
/**
 * Headers that a page on another origin cannot send without a preflight, so programs and mobile clients can use one of
 * them instead of `Origin`. Apollo Server and its clients use the same names.
 */
const ASKED_FIRST = ['apollo-require-preflight', 'x-apollo-operation-name'];
const BY_SOCKET = `Subscriptions run over WebSocket at ${GRAPHQL_PATH}, with the subprotocol ${SUBPROTOCOL}.`;
/**
 * `Accept` types of a client that wants a stream, and those of a single response (GraphQL over HTTP, GraphQL over SSE).
 */
const STREAMS = /text\/event-stream|multipart\/mixed/i;
const ONE_ANSWER = /application\/(?:json|\*|graphql-response\+json)|\*\/\*/i;

/**
 * Checks every HTTP request to `/graphql` before GraphQL handles it: POST only, JSON only (so that pages on other sites
 * need a preflight), and only from pages that may call with credentials.
 */
export function graphqlRule(origins: HttpOrigins, errors: HttpErrorFilter): RouteRule {
  return {
    path: GRAPHQL_PATH,
    methods: ['POST'],
    methodHint: `Queries and mutations are sent by POST (urql: preferGetMethod: false). ${BY_SOCKET}`,
    bodyLimitBytes: MAX_GRAPHQL_BODY_BYTES,
    admit: async (request, reply) => {
      keepPrivate(reply);
      requireJson(request);
      refuseLargeBody(request);
      refuseStream(request);
      await refuseOrigin(request, origins);
    },
    answerError: (error, reply) => {
      keepPrivate(reply);
      errors.answerGraphql(error, reply);
    },
  };
}

function keepPrivate(reply: FastifyReply): void {
  void reply.header('Cache-Control', 'no-store').header('Vary', 'Origin, Cookie');
}

/** @throws HttpRefusalError with the limit, which Fastify's own error does not say */
function refuseLargeBody({ headers }: FastifyRequest): void {
  if (Number(headers['content-length'] ?? 0) > MAX_GRAPHQL_BODY_BYTES)
    throw new HttpRefusalError(413, `The body is too large: at most ${MAX_GRAPHQL_BODY_BYTES} bytes.`);
}

/** @throws HttpRefusalError for a client that accepts only a stream, such as graphql-sse */
function refuseStream({ headers: { accept = '' } }: FastifyRequest): void {
  if (STREAMS.test(accept) && !ONE_ANSWER.test(accept))
    throw new HttpRefusalError(406, `${BY_SOCKET} Queries and mutations are answered with application/json.`);
}

/**
 * @throws ForbiddenError for a page that may not call with credentials, and for a request with a cookie that does not
 * say where it comes from
 */
async function refuseOrigin({ headers }: FastifyRequest, origins: HttpOrigins): Promise<void> {
  const { origin, cookie } = headers;
  const site = headers['sec-fetch-site'];
  if (origin === undefined && site === undefined) {
    if (cookie === undefined || ASKED_FIRST.some((name) => headers[name])) return;
    origins.refused('no-origin');
    throw new ForbiddenError(
      'A request with a cookie must say where it comes from: send Origin, or Apollo-Require-Preflight.',
    );
  }
  if (origin === undefined ? OWN_SITE.has(site) : await origins.allow(origin)) return;
  if (origin === undefined) origins.refused('other-site');
  throw new ForbiddenError('Pages of this origin may not call this server: see ALLOWED_ORIGINS.');
}
