import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { TokenRefresh } from './token-refresh.js';

const HOUR_MS = 3_600_000;

describe('the renewal of a connection', () => {
  const renew = vi.fn();
  let refresh: TokenRefresh;

  beforeEach(() => {
    vi.useFakeTimers();
    renew.mockReset();
    refresh = new TokenRefresh(renew, { behindMs: 0 }, () => 0);
  });
  afterEach(() => {
    refresh.stop();
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  const inMs = (ms: number): string => new Date(Date.now() + ms).toISOString();

  it('renews after three quarters of the remaining time', () => {
    refresh.endsAt(inMs(60_000));
    vi.advanceTimersByTime(44_999);
    expect(renew).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(renew).toHaveBeenCalledTimes(1);
  });

  it('renews once for each expiry that the server sends', () => {
    refresh.endsAt(inMs(60_000));
    vi.advanceTimersByTime(HOUR_MS);
    expect(renew).toHaveBeenCalledTimes(1);
  });

  it('waits for months if a session lasts for months', () => {
    refresh.endsAt(inMs(90 * 24 * HOUR_MS));
    vi.advanceTimersByTime(60 * 24 * HOUR_MS);
    expect(renew).not.toHaveBeenCalled();
    vi.advanceTimersByTime(8 * 24 * HOUR_MS);
    expect(renew).toHaveBeenCalledTimes(1);
  });

  it('renews at once when the page wakes after it was due', () => {
    refresh.endsAt(inMs(HOUR_MS));
    vi.setSystemTime(Date.now() + 2 * HOUR_MS);
    expect(renew).not.toHaveBeenCalled();
    refresh.check();
    vi.advanceTimersByTime(1);
    expect(renew).toHaveBeenCalledTimes(1);
  });

  it('does not renew in a loop when the local clock is ahead', () => {
    refresh.endsAt(inMs(-HOUR_MS));
    vi.advanceTimersByTime(29_999);
    expect(renew).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(renew).toHaveBeenCalledTimes(1);
  });

  it('renews every 5 s at most when the local clock is ahead by almost the whole lifetime', () => {
    renew.mockImplementation(() => refresh.endsAt(inMs(1_000)));
    refresh.endsAt(inMs(1_000));
    vi.advanceTimersByTime(60_000);
    expect(renew).toHaveBeenCalledTimes(12);
  });

  it('renews in time when a server has closed an earlier connection before its end by the local clock', () => {
    const clock = { behindMs: 0 };
    const late = new TokenRefresh(renew, clock, () => 1);
    // A life of 60 s and a clock that is 20 s behind; the server closes after 65 s.
    late.endsAt(inMs(80_000));
    vi.advanceTimersByTime(65_000);
    expect(renew).not.toHaveBeenCalled();
    late.stop(true);
    const next = new TokenRefresh(renew, clock, () => 1);
    next.endsAt(inMs(80_000));
    vi.advanceTimersByTime(60_000);
    expect(renew).toHaveBeenCalledTimes(1);
    next.stop(true);
    expect(clock.behindMs).toBe(15_000);
  });

  it.each([undefined, 7, 'soon', null])('never renews when the expiry is %s', (end) => {
    refresh.endsAt(end);
    vi.advanceTimersByTime(HOUR_MS);
    expect(renew).not.toHaveBeenCalled();
  });
});
