import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { HttpConfig } from '../../config/config.js';
import { GRAPHQL_PATH } from '../../protocol/payload.js';
import { cleartextTest } from '../door/cleartext.js';
import { isAllowedOrigin, type OriginPolicy } from '../door/origin.policy.js';

const MAX_GRAPHQL_BODY_BYTES = 100 * 1024;
const JSON_UTF8 = /^application\/json(?:\s*;\s*charset="?utf-8"?)?\s*$/i;

interface HttpRefusal {
  readonly status: number;
  readonly message: string;
}

/**
 * What holds for every HTTP request to `/graphql` before GraphQL sees it: POST only, JSON only (so that a page of
 * another site must ask first), from pages that may call with credentials, in the clear never.
 * A request with neither Origin nor Sec-Fetch-Site comes from no browser and carries no one else's cookie.
 */
export function guardGraphqlHttp(fastify: FastifyInstance, http: HttpConfig, origins: OriginPolicy): void {
  const cameInTheClear = cleartextTest(http);

  fastify.addHook('onRequest', async (request: FastifyRequest, reply: FastifyReply) => {
    const path = request.url.split('?', 1)[0];
    if (path !== GRAPHQL_PATH) return;
    reply.header('Cache-Control', 'no-store').header('Vary', 'Origin, Cookie');
    const refusal = cameInTheClear(request.raw)
      ? { status: 403, message: 'Use https.' }
      : (formRefusal(request) ?? (await originRefusal(request, origins)));
    if (!refusal) return;
    if (refusal.status === 405) reply.header('Allow', 'POST');
    await reply
      .code(refusal.status)
      .send({ errors: [{ message: refusal.message, extensions: { code: codeOf(refusal) } }] });
  });
}

function formRefusal(request: FastifyRequest): HttpRefusal | null {
  if (request.method === 'OPTIONS') return null;
  if (request.method !== 'POST') return { status: 405, message: 'Queries and mutations are sent by POST.' };
  if (!JSON_UTF8.test(request.headers['content-type'] ?? '')) {
    return { status: 415, message: 'Send application/json in UTF-8.' };
  }
  if (request.headers['content-encoding']) return { status: 415, message: 'Send the body uncompressed.' };
  if (Number(request.headers['content-length'] ?? 0) > MAX_GRAPHQL_BODY_BYTES) {
    return { status: 413, message: `The body is too large: at most ${MAX_GRAPHQL_BODY_BYTES} bytes.` };
  }
  return null;
}

async function originRefusal(request: FastifyRequest, origins: OriginPolicy): Promise<HttpRefusal | null> {
  const { origin } = request.headers;
  const site = request.headers['sec-fetch-site'];
  const allowed =
    origin === undefined
      ? site === undefined || site === 'same-origin' || site === 'none'
      : await isAllowedOrigin(origins, origin, 'http');
  return allowed
    ? null
    : { status: 403, message: 'Pages of this origin may not call this server: see ALLOWED_ORIGINS.' };
}

function codeOf(refusal: HttpRefusal): string {
  return refusal.status === 403 ? 'FORBIDDEN' : 'BAD_USER_INPUT';
}
