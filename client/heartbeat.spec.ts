import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Heartbeat } from './heartbeat.js';

describe('the heartbeat', () => {
  const ping = vi.fn();
  const onDead = vi.fn();
  const onSuspect = vi.fn<(isSuspect: boolean) => void>();
  let heartbeat: Heartbeat;

  beforeEach(() => {
    vi.useFakeTimers();
    ping.mockClear();
    onDead.mockClear();
    onSuspect.mockClear();
    heartbeat = new Heartbeat(ping, { dead: onDead, suspected: onSuspect });
  });
  afterEach(() => {
    heartbeat.stop();
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it('sends a ping after 20 s of silence and accepts any message as an answer', () => {
    for (let beat = 1; beat <= 3; beat += 1) {
      vi.advanceTimersByTime(20_000);
      expect(ping).toHaveBeenCalledTimes(beat);
      heartbeat.alive();
    }
    expect(onDead).not.toHaveBeenCalled();
  });

  it('abandons the connection 5 s after an unanswered ping', () => {
    heartbeat.check();
    vi.advanceTimersByTime(4_999);
    expect(onDead).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(onDead).toHaveBeenCalledTimes(1);
  });

  it('sends a ping after 5 s of silence on a visible page', () => {
    const document = { visibilityState: 'visible' };
    vi.stubGlobal('document', document);
    heartbeat.check();
    heartbeat.alive();
    ping.mockClear();
    vi.advanceTimersByTime(5_000);
    expect(ping).toHaveBeenCalledTimes(1);
    document.visibilityState = 'hidden';
    heartbeat.alive();
    vi.advanceTimersByTime(19_999);
    expect(ping).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(1);
    expect(ping).toHaveBeenCalledTimes(2);
  });

  it('sends no ping while events arrive', () => {
    for (let second = 0; second < 120; second += 10) {
      vi.advanceTimersByTime(10_000);
      heartbeat.alive();
    }
    expect(ping).not.toHaveBeenCalled();
  });

  it('reports a late answer after 2 s, and that it has arrived', () => {
    heartbeat.check();
    vi.advanceTimersByTime(1_999);
    expect(onSuspect).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(onSuspect.mock.calls).toEqual([[true]]);
    heartbeat.alive();
    expect(onSuspect.mock.calls).toEqual([[true], [false]]);
    vi.advanceTimersByTime(19_999);
    expect(onDead).not.toHaveBeenCalled();
    expect(onSuspect).toHaveBeenCalledTimes(2);
  });

  it('sends one ping even if the page wakes several times', () => {
    heartbeat.check();
    heartbeat.check();
    expect(ping).toHaveBeenCalledTimes(1);
  });

  it('sends the ping again if the laptop slept in between', () => {
    heartbeat.check();
    vi.setSystemTime(Date.now() + 3_600_000);
    vi.advanceTimersByTime(5_000);
    expect(onDead).not.toHaveBeenCalled();
    expect(ping).toHaveBeenCalledTimes(2);
    vi.advanceTimersByTime(5_000);
    expect(onDead).toHaveBeenCalledTimes(1);
  });

  it('abandons the connection in a hidden tab too, where a browser runs timers only once a minute', () => {
    const { setTimeout } = globalThis;
    const nextMinute = (ms = 0): number => Math.ceil((Date.now() + ms) / 60_000) * 60_000 - Date.now();
    vi.stubGlobal('setTimeout', (run: () => void, ms?: number) => setTimeout(run, nextMinute(ms)));
    heartbeat.check();
    vi.advanceTimersByTime(5 * 60_000);
    expect(onDead).toHaveBeenCalledTimes(1);
  });
});
