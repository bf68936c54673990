import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TokenRefresh } from './token-refresh.js';

const HOUR_MS = 3_600_000;

describe('the renewal of a connection', () => {
  const renew = vi.fn();
  let refresh: TokenRefresh;

  beforeEach(() => {
    vi.useFakeTimers();
    renew.mockClear();
    refresh = new TokenRefresh(renew, () => 0);
  });
  afterEach(() => {
    refresh.stop();
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  const inMs = (ms: number): string => new Date(Date.now() + ms).toISOString();

  it('comes after three quarters of the time left', () => {
    refresh.endsAt(inMs(60_000));
    vi.advanceTimersByTime(44_999);
    expect(renew).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(renew).toHaveBeenCalledTimes(1);
  });

  it('comes once for each end that the server tells', () => {
    refresh.endsAt(inMs(60_000));
    vi.advanceTimersByTime(HOUR_MS);
    expect(renew).toHaveBeenCalledTimes(1);
  });

  it('waits for months where a session lasts for months', () => {
    refresh.endsAt(inMs(90 * 24 * HOUR_MS));
    vi.advanceTimersByTime(60 * 24 * HOUR_MS);
    expect(renew).not.toHaveBeenCalled();
    vi.advanceTimersByTime(8 * 24 * HOUR_MS);
    expect(renew).toHaveBeenCalledTimes(1);
  });

  it('comes at once when the page wakes after it was due', () => {
    refresh.endsAt(inMs(HOUR_MS));
    vi.setSystemTime(Date.now() + 2 * HOUR_MS);
    expect(renew).not.toHaveBeenCalled();
    refresh.check();
    vi.advanceTimersByTime(1);
    expect(renew).toHaveBeenCalledTimes(1);
  });

  it('does not run in a loop when the clock here is ahead', () => {
    refresh.endsAt(inMs(-HOUR_MS));
    vi.advanceTimersByTime(29_999);
    expect(renew).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(renew).toHaveBeenCalledTimes(1);
  });

  it.each([undefined, 7, 'soon', null])('never comes when the end is told as %s', (end) => {
    refresh.endsAt(end);
    vi.advanceTimersByTime(HOUR_MS);
    expect(renew).not.toHaveBeenCalled();
  });
});
