import { absoluteUrl } from './platform.js';
import { TokenUnavailableError, type GetToken } from './token-source.js';

/** A `fetch`; by default the global one at the time of the request, which monitoring and tests replace. */
export type FetchLike = typeof globalThis.fetch;

const globalFetch: FetchLike = (input, init) => fetch(input, init);

/** The parts of an answer that are read, none of them checked. */
interface Answer {
  readonly data?: { readonly me?: { readonly token?: unknown } | null } | null;
  readonly errors?: readonly { readonly extensions?: Readonly<Record<string, unknown>> }[];
  readonly token?: unknown;
}

/**
 * Fetches tokens from `me`, with the browser's session cookie.
 *
 * @param url the GraphQL endpoint, default `/graphql`
 * @returns a `getToken`: null if `me` is null, and for 401; a rejection, to be retried, for any other error status,
 * GraphQL errors or an invalid response. `Retry-After` (RFC 9110 §10.2.3) and `extensions.retryAfterSeconds` are
 * honoured
 */
export function tokenFromMe(url = '/graphql', fetchLike: FetchLike = globalFetch): GetToken {
  const request: RequestInit = {
    method: 'POST',
    credentials: 'include',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify({ operationName: 'LiveToken', query: 'query LiveToken { me { token } }' }),
  };
  return tokensFrom(url, fetchLike, request, ({ data, errors }) => {
    const me = errors ? undefined : data?.me;
    return me && (me.token || undefined);
  });
}

/**
 * Fetches tokens from an endpoint that returns `{ "token", "expiresAt" }`, such as `GET /app-proxy/token` behind a
 * shop's proxy.
 *
 * @returns a `getToken`: null for 401 (not logged in); a rejection, to be retried, for every other response without a
 * token
 */
export function tokenFromUrl(url: string, fetchLike: FetchLike = globalFetch): GetToken {
  const request = { headers: { accept: 'application/json' } };
  return tokensFrom(url, fetchLike, request, ({ token }, { ok }) => (ok && token) || undefined);
}

/** @param tokenIn finds the token in an answer; null if nobody is signed in */
function tokensFrom(
  url: string,
  fetchLike: FetchLike,
  request: RequestInit,
  tokenIn: (answer: Answer, response: Response) => unknown,
): GetToken {
  return async ({ signal }) => {
    const response = await fetchLike(absoluteUrl(url), { ...request, signal });
    if (response.status === 401) return null;
    const answer = ((await response.json().catch(() => null)) ?? {}) as Answer;
    const token = tokenIn(answer, response);
    if (token === null || typeof token === 'string') return token;
    throw refusal(response, answer);
  };
}

/** The first error of GraphQL may say when to come back, as `Retry-After` does. */
function refusal(response: Response, { errors }: Answer): TokenUnavailableError {
  const header = response.headers.get('retry-after') ?? '';
  const told = [
    Number(header),
    (Date.parse(header) - Date.now()) / 1000,
    Number(errors?.[0]?.extensions?.['retryAfterSeconds']),
  ];
  return new TokenUnavailableError(
    `No token (status ${response.status}).`,
    told.find((seconds) => seconds > 0),
  );
}
