import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Heartbeat } from './heartbeat.js';

describe('the heartbeat', () => {
  const ping = vi.fn();
  const onDead = vi.fn();
  let heartbeat: Heartbeat;

  beforeEach(() => {
    vi.useFakeTimers();
    ping.mockClear();
    onDead.mockClear();
    heartbeat = new Heartbeat(ping, onDead);
  });
  afterEach(() => {
    heartbeat.stop();
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  it('asks every 20 s and is content with any answer', () => {
    for (let beat = 1; beat <= 3; beat += 1) {
      vi.advanceTimersByTime(20_000);
      expect(ping).toHaveBeenCalledTimes(beat);
      heartbeat.alive();
    }
    expect(onDead).not.toHaveBeenCalled();
  });

  it('gives up 5 s after a question without an answer', () => {
    heartbeat.check();
    vi.advanceTimersByTime(4_999);
    expect(onDead).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(onDead).toHaveBeenCalledTimes(1);
  });

  it('asks once however often the page wakes', () => {
    heartbeat.check();
    heartbeat.check();
    expect(ping).toHaveBeenCalledTimes(1);
  });

  it('asks again, and does not give up, when the laptop slept through the question', () => {
    heartbeat.check();
    vi.setSystemTime(Date.now() + 3_600_000);
    vi.advanceTimersByTime(5_000);
    expect(onDead).not.toHaveBeenCalled();
    expect(ping).toHaveBeenCalledTimes(2);
    vi.advanceTimersByTime(5_000);
    expect(onDead).toHaveBeenCalledTimes(1);
  });
});
