import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Backoff } from './backoff.js';
import { type GetToken, TokenSource, TokenUnavailableError } from './token-source.js';

describe('the back-off', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it('doubles the longest delay up to 30 s and stays there', () => {
    const backoff = new Backoff(() => 1);
    expect(Array.from({ length: 9 }, () => backoff.nextDelayMs())).toEqual([
      500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000,
    ]);
    backoff.reset();
    expect(backoff.nextDelayMs()).toBe(500);
  });

  it('reconnects at once after a handover, and then starts from the shortest delay', async () => {
    const backoff = new Backoff(() => 1);
    backoff.nextDelayMs();
    backoff.nextDelayMs();
    backoff.handedOver();
    await backoff.wait();
    expect(vi.getTimerCount()).toBe(0);
    expect(backoff.nextDelayMs()).toBe(500);
  });

  it('spreads delays over the whole range', () => {
    expect(new Backoff(() => 0).nextDelayMs()).toBe(0);
  });

  it('waits at least as long as Retry-After says, up to 10 minutes', () => {
    const backoff = new Backoff(() => 0);
    expect(backoff.nextDelayMs(7_000)).toBe(7_000);
    expect(backoff.nextDelayMs(1e12)).toBe(600_000);
  });

  it('ends a wait when the page wakes, but not before Retry-After', async () => {
    const backoff = new Backoff(() => 1);
    const ended = vi.fn<(what: string) => void>();
    void backoff.wait().then(() => ended('own'));
    void backoff.wait(60_000).then(() => ended('server'));
    backoff.wake();
    await vi.advanceTimersByTimeAsync(301);
    expect(ended.mock.calls).toEqual([['own']]);
    backoff.stop();
    await vi.advanceTimersByTimeAsync(0);
    expect(ended.mock.calls).toEqual([['own'], ['server']]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('keeps Retry-After for the next connection when the one that waits is given up', async () => {
    const backoff = new Backoff(() => 1);
    const getToken = vi.fn<GetToken>();
    getToken.mockRejectedValueOnce(new TokenUnavailableError('Busy', 60)).mockResolvedValue('token');
    const tokens = new TokenSource(getToken, backoff);
    const [first, second] = [new AbortController(), new AbortController()];
    const given = tokens.next(first.signal);
    await vi.advanceTimersByTimeAsync(20_000);
    first.abort();
    expect(await given).toBeUndefined();
    expect(vi.getTimerCount()).toBe(0);
    const token = tokens.next(second.signal);
    backoff.wake();
    await vi.advanceTimersByTimeAsync(39_999);
    expect(getToken).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(await token).toBe('token');
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each([
    ['Retry-After lasts', new TokenUnavailableError('Busy', 60)],
    ['getToken fails', new Error('No network')],
  ])('ends the request for a token when it is stopped while %s', async (_, failure) => {
    const backoff = new Backoff(() => 1);
    const getToken = vi.fn<GetToken>().mockRejectedValue(failure);
    const token = new TokenSource(getToken, backoff).next(new AbortController().signal);
    await vi.advanceTimersByTimeAsync(0);
    backoff.stop();
    await vi.advanceTimersByTimeAsync(0);
    expect(await token).toBeUndefined();
    expect(getToken).toHaveBeenCalledTimes(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('waits while the browser is offline and continues when it is online', async () => {
    const navigator = { onLine: false };
    vi.stubGlobal('navigator', navigator);
    const backoff = new Backoff(() => 1);
    const ended = vi.fn();
    void backoff.wait().then(ended);
    await vi.advanceTimersByTimeAsync(10 * 60_000);
    expect(ended).not.toHaveBeenCalled();
    navigator.onLine = true;
    backoff.wake();
    await vi.advanceTimersByTimeAsync(301);
    expect(ended).toHaveBeenCalled();
  });
});
