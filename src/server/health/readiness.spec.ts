import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Database } from '../../identity/database/database.js';
import type { SharedStoreHealth } from '../../live/store/store-health.js';
import { Readiness } from './readiness.js';

const redis = (available: boolean) => ({ state: available ? 'ok' : 'unavailable' }) as SharedStoreHealth;
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

  it('never says that a Redis is well where there is none', async () => {
    const readiness = new Readiness(
      database(async () => true),
      { state: null } as SharedStoreHealth,
    );
    expect(await readiness.report()).toEqual({
      ready: true,
      checks: { node: 'ok', database: 'ok', redis: 'not configured' },
    });
  });

  it('names the store that is away', async () => {
    const readiness = new Readiness(
      database(async () => false),
      redis(true),
    );
    expect(await readiness.report()).toMatchObject({ ready: false, checks: { database: 'unavailable', redis: 'ok' } });
  });

  it('says that it is draining from the first step of a shutdown on', async () => {
    const readiness = new Readiness(
      database(async () => true),
      redis(true),
    );
    readiness.onModuleDestroy();
    expect(await readiness.report()).toMatchObject({ ready: false, checks: { node: 'draining' } });
  });

  it('does not wait for a database that hangs, and asks it once however many want to know', async () => {
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
