import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Database } from '../../identity/database/database.js';
import type { SharedStoreHealth, StoreState } from '../../live/store/store-health.js';
import { Readiness } from './readiness.js';

const redis = (available: boolean) => ({ name: 'redis', state: available ? 'ok' : 'unavailable' }) as SharedStoreHealth;
const postgres = (state: StoreState) => ({ name: 'postgres', state }) as SharedStoreHealth;
const database = (answers: () => Promise<boolean>) => ({ answers }) as unknown as Database;

afterEach(() => void vi.useRealTimers());

describe('readiness', () => {
  it('is ready when every store answers', async () => {
    const readiness = new Readiness(
      database(async () => true),
      redis(true),
    );
    expect(await readiness.report()).toEqual({ ready: true, checks: { node: 'ok', database: 'ok', redis: 'ok' } });
  });

  it('never reports ok for a Redis that is not configured', async () => {
    const readiness = new Readiness(
      database(async () => true),
      { name: null, state: null } as SharedStoreHealth,
    );
    expect(await readiness.report()).toEqual({
      ready: true,
      checks: { node: 'ok', database: 'ok', redis: 'not configured' },
    });
  });

  it.each([
    ['ok', 'ok', true],
    ['unavailable', 'unavailable', false],
    ['refuses-writes', 'unavailable', false],
  ] as const)('shows a store in PostgreSQL that is %s as %s, and no Redis', async (state, store, ready) => {
    const readiness = new Readiness(
      database(async () => true),
      postgres(state),
    );
    expect(await readiness.report()).toEqual({
      ready,
      checks: { node: 'ok', database: 'ok', store, redis: 'not configured' },
    });
  });

  it('names the unavailable store', async () => {
    const readiness = new Readiness(
      database(async () => false),
      redis(true),
    );
    expect(await readiness.report()).toMatchObject({ ready: false, checks: { database: 'unavailable', redis: 'ok' } });
  });

  it('reports draining from the first step of a shutdown on', async () => {
    const readiness = new Readiness(
      database(async () => true),
      redis(true),
    );
    readiness.onModuleDestroy();
    expect(await readiness.report()).toMatchObject({ ready: false, checks: { node: 'draining' } });
  });

  it('does not wait for a hanging database, and queries it once for concurrent calls', async () => {
    vi.useFakeTimers();
    const answers = vi.fn(() => new Promise<boolean>(() => {}));
    const readiness = new Readiness(database(answers), redis(true));
    const reports = Promise.all([readiness.report(), readiness.report()]);
    await vi.advanceTimersByTimeAsync(2_001);
    expect((await reports).map((report) => report.checks.database)).toEqual(['unavailable', 'unavailable']);
    expect(answers).toHaveBeenCalledTimes(1);
    expect(vi.getTimerCount()).toBe(0);
  });
});
