import type { FastifyReply, FastifyRequest } from 'fastify';
import type { HttpErrorFilter } from '../../errors/http-error.filter.js';
import { HttpRefusalError } from '../../errors/http-refusal.error.js';
import { ForbiddenError } from '../../errors/sallyport.errors.js';
import type { RouteRule } from '../../http/route-rules.js';
import { GRAPHQL_PATH } from '../../protocol/payload.js';
import { isAllowedOrigin, type OriginPolicy } from '../door/origin.policy.js';

const MAX_GRAPHQL_BODY_BYTES = 100 * 1024;
const JSON_UTF8 = /^application\/json(?:\s*;\s*charset="?utf-8"?)?\s*$/i;

/**
 * What holds for every HTTP request to `/graphql` before GraphQL sees it: POST only, JSON only (so that a page of
 * another site must ask first), from pages that may call with credentials.
 */
export function graphqlRule(origins: OriginPolicy, errors: HttpErrorFilter): RouteRule {
  return {
    path: GRAPHQL_PATH,
    methods: ['POST'],
    bodyLimitBytes: MAX_GRAPHQL_BODY_BYTES,
    admit: async (request, reply) => {
      keepPrivate(reply);
      refuseForm(request);
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

/** @throws HttpRefusalError for a body that a form of another site could send, or that is compressed */
function refuseForm({ headers }: FastifyRequest): void {
  if (!JSON_UTF8.test(headers['content-type'] ?? ''))
    throw new HttpRefusalError(415, 'Send application/json in UTF-8.');
  if (headers['content-encoding']) throw new HttpRefusalError(415, 'Send the body uncompressed.');
  if (Number(headers['content-length'] ?? 0) > MAX_GRAPHQL_BODY_BYTES)
    throw new HttpRefusalError(413, `The body is too large: at most ${MAX_GRAPHQL_BODY_BYTES} bytes.`);
}

/** @throws ForbiddenError for a page that may not call with this browser's cookies */
async function refuseOrigin({ headers }: FastifyRequest, origins: OriginPolicy): Promise<void> {
  const { origin } = headers;
  const site = headers['sec-fetch-site'];
  const allowed =
    origin === undefined
      ? site === undefined || site === 'same-origin' || site === 'none'
      : await isAllowedOrigin(origins, origin, 'http');
  if (!allowed) throw new ForbiddenError('Pages of this origin may not call this server: see ALLOWED_ORIGINS.');
}
