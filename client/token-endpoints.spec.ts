import { afterEach, expect, it, vi } from 'vitest';
import { tokenFromMe, tokenFromUrl } from './token-endpoints.js';
import type { GetToken } from './token-source.js';

afterEach(() => void vi.useRealTimers());

const URL = 'https://live.example/token';
const ask = (getToken: GetToken) => getToken({ signal: new AbortController().signal });
const answering = (body: unknown, init?: ResponseInit) => async () => new Response(JSON.stringify(body), init);

it.each<[string, unknown, string | null]>([
  ['its token', { data: { me: { token: 'abc' } } }, 'abc'],
  ['that nobody is signed in', { data: { me: null } }, null],
])('me says %s', async (_, body, token) => {
  expect(await ask(tokenFromMe(URL, answering(body)))).toBe(token);
});

it.each([
  { data: { me: { token: null } } },
  { data: { me: { token: 7 } } },
  { data: { me: null }, errors: [{ message: 'No.' }] },
  { data: {} },
  [],
  'text',
  null,
])('%j of me is no answer, and no sign-out either', async (body) => {
  await expect(ask(tokenFromMe(URL, answering(body)))).rejects.toMatchObject({ name: 'TokenUnavailableError' });
});

it.each([
  [{ token: null }, 200],
  [{ token: 'abc' }, 500],
  [{}, 200],
  [null, 200],
])('%j with status %i of an endpoint is no answer, and no sign-out either', async (body, status) => {
  const refused = ask(tokenFromUrl(URL, answering(body, { status })));
  await expect(refused).rejects.toMatchObject({ name: 'TokenUnavailableError', retryAfterSeconds: 0 });
});

it.each<[string, string, number]>([
  ['in seconds', '7', 7],
  ['as a date', new Date(60_000).toUTCString(), 60],
  ['in the past', new Date(0).toUTCString(), 0],
])('Retry-After %s delays the next attempt', async (_, header, seconds) => {
  vi.useFakeTimers({ toFake: ['Date'], now: 0 });
  const refused = ask(tokenFromUrl(URL, answering({}, { status: 503, headers: { 'retry-after': header } })));
  const error = (await refused.catch((reason: unknown) => reason)) as { retryAfterSeconds: number };
  expect(error.retryAfterSeconds).toBe(seconds);
});
