import type { Logger } from 'pino';
import { expect, it, vi } from 'vitest';
import type { Database } from '../../identity/database/database.js';
import type { NodeConnection } from '../../live/store/store-engine.js';
import { ClockSkew } from './clock-skew.js';

it('warns once about a store whose clock differs, and again after the clocks have agreed', async () => {
  const warn = vi.fn();
  const redis = { name: 'redis', isAvailable: true, nowMs: 0 };
  const database = { run: async () => ({ rows: [{ ms: String(Date.now() - 300_000) }] }) };
  const skew = new ClockSkew(database as unknown as Database, { connection: redis as NodeConnection }, {
    warn,
  } as unknown as Logger);
  for (const aheadMs of [0, 60_000, 60_000, 1000, -60_000]) {
    redis.nowMs = Date.now() + aheadMs;
    await skew.check();
  }
  const told = warn.mock.calls.map(([entry]) => entry as unknown);
  expect(told).toEqual([
    { store: 'database', seconds: -300 },
    { store: 'redis', seconds: 60 },
    { store: 'redis', seconds: -60 },
  ]);
});
