import { page } from './platform.js';
import { TokenUnavailableError, type GetToken } from './token-source.js';

/** A `fetch`; by default the global one at the time of the request, which monitoring and tests replace. */
export type FetchLike = typeof globalThis.fetch;

const globalFetch: FetchLike = (input, init) => fetch(input, init);

/**
 * Fetches tokens from `me`, with the browser's session cookie.
 *
 * @param url the GraphQL endpoint, default `/graphql`
 * @returns a `getToken`: null if `me` is null, and for 401; a rejection, to be retried, for any other error status,
 * GraphQL errors or an invalid response. `Retry-After` (RFC 9110 §10.2.3) and `extensions.retryAfterSeconds` are
 * honoured
 */
export function tokenFromMe(url = '/graphql', fetchLike: FetchLike = globalFetch): GetToken {
  return async ({ signal }) => {
    const response = await fetchLike(absolute(url), {
      method: 'POST',
      credentials: 'include',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: JSON.stringify({ operationName: 'LiveToken', query: 'query LiveToken { me { token } }' }),
      signal,
    });
    if (response.status === 401) return null;
    const body = await readJson(response);
    if (!('data' in body) || body['errors']) throw refusal(response, retryAfterOf(body));
    const { me } = (body['data'] ?? {}) as { me?: { token?: unknown } | null };
    if (me === null) return null;
    if (typeof me?.token !== 'string') throw refusal(response);
    return me.token;
  };
}

/**
 * Fetches tokens from an endpoint that returns `{ "token", "expiresAt" }`, such as `GET /app-proxy/token` behind a
 * shop's proxy.
 *
 * @returns a `getToken`: null for 401 (not logged in); a rejection, to be retried, for every other response without a
 * token
 */
export function tokenFromUrl(url: string, fetchLike: FetchLike = globalFetch): GetToken {
  return async ({ signal }) => {
    const response = await fetchLike(absolute(url), { headers: { accept: 'application/json' }, signal });
    if (response.status === 401) return null;
    const body = await readJson(response);
    if (!response.ok || typeof body['token'] !== 'string') throw refusal(response);
    return body['token'];
  };
}

function absolute(url: string): string {
  return new URL(url, page.location?.href).href;
}

async function readJson(response: Response): Promise<Record<string, unknown>> {
  const body: unknown = await response.json().catch(() => null);
  if (typeof body !== 'object' || body === null) throw refusal(response);
  return body as Record<string, unknown>;
}

function refusal(response: Response, retryAfterSeconds = 0): TokenUnavailableError {
  const header = response.headers.get('retry-after') ?? '';
  const seconds = Number(header) || (Date.parse(header) - Date.now()) / 1000;
  return new TokenUnavailableError(
    `No token in the answer (status ${response.status}).`,
    seconds > 0 ? seconds : retryAfterSeconds,
  );
}

function retryAfterOf(body: Record<string, unknown>): number {
  const errors = Array.isArray(body['errors']) ? (body['errors'] as { extensions?: Record<string, unknown> }[]) : [];
  const seconds = errors[0]?.extensions?.['retryAfterSeconds'];
  return typeof seconds === 'number' && seconds > 0 ? seconds : 0;
}
