import { afterEach, beforeEach, expect, it, vi } from 'vitest';

let touch: () => void;
const fetched = vi.fn<typeof fetch>();

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'performance', 'setTimeout', 'clearTimeout'] });
  vi.stubGlobal('window', { addEventListener: (_: string, listener: () => void) => (touch = listener) });
  vi.stubGlobal('fetch', fetched.mockReset());
  vi.resetModules();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it('a page that nobody touches marks its requests after a minute, whatever the wall clock does', async () => {
  const { ask } = await import('./api.js');
  const isMarked = async (): Promise<boolean> => {
    fetched.mockResolvedValueOnce(Response.json({}));
    await ask('/nodes');
    return new Headers(fetched.mock.lastCall?.[1]?.headers).has('sallyport-background');
  };
  touch();
  vi.setSystemTime(Date.now() + 3_600_000);
  expect(await isMarked()).toBe(false);
  vi.setSystemTime(Date.now() - 7_200_000);
  vi.advanceTimersByTime(60_001);
  expect(await isMarked()).toBe(true);
  touch();
  expect(await isMarked()).toBe(false);
});

it.each([
  [1, '1 second'],
  [600, '10 minutes'],
])('a refusal for %i s says when to try again', async (retryAfterSeconds, wait) => {
  const { ask } = await import('./api.js');
  const error = { code: 'TOO_MANY_REQUESTS', message: 'Too many requests.', retryAfterSeconds };
  fetched.mockResolvedValueOnce(Response.json({ error }, { status: 429 }));
  await expect(ask('/sign-in', {})).rejects.toThrow(`Too many attempts. Try again in ${wait}.`);
});
