import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { KeepAlive, type KeptAlive } from './keep-alive.js';

let keepAlive: KeepAlive;
beforeEach(() => {
  vi.useFakeTimers();
  keepAlive = new KeepAlive();
});
afterEach(() => {
  keepAlive.stop();
  vi.useRealTimers();
});

function peer(): KeptAlive & { wasActive: boolean; pings: number; gone: boolean } {
  const connection = {
    wasActive: true,
    pings: 0,
    gone: false,
    resetActivity: () => {
      const { wasActive } = connection;
      connection.wasActive = false;
      return wasActive;
    },
    ping: () => void connection.pings++,
    terminate: () => void (connection.gone = true),
  };
  keepAlive.add(connection);
  return connection;
}

it('WS-8 terminates a peer that stays silent from one ping to the next, within 24 seconds', () => {
  const silent = peer();
  vi.advanceTimersByTime(12_000);
  expect([silent.pings, silent.gone]).toEqual([1, false]);
  vi.advanceTimersByTime(12_000);
  expect(silent.gone).toBe(true);
});

it('keeps a peer that answers, and stops pinging one that is removed', () => {
  const [lively, removed] = [peer(), peer()];
  keepAlive.remove(removed);
  for (let seconds = 0; seconds < 120; seconds++) {
    vi.advanceTimersByTime(1000);
    lively.wasActive = true;
  }
  expect([lively.pings, lively.gone]).toEqual([10, false]);
  expect([removed.pings, removed.gone]).toEqual([0, false]);
});

it('pings a 120th of the peers each tenth of a second, and all of them in 12 seconds', () => {
  const peers = Array.from({ length: 240 }, peer);
  vi.advanceTimersByTime(100);
  expect(peers.filter((one) => one.pings === 1)).toHaveLength(2);
  vi.advanceTimersByTime(11_900);
  expect(peers.every((one) => one.pings === 1)).toBe(true);
});
