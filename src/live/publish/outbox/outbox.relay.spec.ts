import type { Logger } from 'pino';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { StoreHealth } from '../../store/store-health.js';
import type { Outbox } from './outbox.js';
import type { OutboxMetrics } from './outbox.metrics.js';
import type { OutboxPublisher } from './outbox-publisher.js';
import { OutboxRelay, type RelayParts } from './outbox.relay.js';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

const ENOUGH = 20;

/** How often a relay connects within three seconds; {@link ENOUGH} if it does not stop. */
async function attemptsOf(connect: RelayParts['open']): Promise<number> {
  let attempts = 0;
  const relay = new OutboxRelay({
    open: (notified) => (++attempts < ENOUGH ? connect(notified) : new Promise(() => {})),
    publisher: {} as OutboxPublisher,
    metrics: {} as OutboxMetrics,
    health: { tookWrite: () => {}, failed: () => {}, becameUnavailable: () => {} } as unknown as StoreHealth,
    logger: { error: () => {} } as unknown as Logger,
  });
  relay.start();
  await vi.advanceTimersByTimeAsync(3_000);
  void relay.stop();
  return attempts;
}

it.each<[string, RelayParts['open']]>([
  [
    'refuses connections',
    async (notified) => {
      // As pg's client does at the end of every connection.
      notified();
      throw new Error('connect ECONNREFUSED');
    },
  ],
  [
    'fails the first statement of each connection',
    async (notified) => {
      notified();
      const failing = { lead: () => Promise.reject(new Error('permission denied')), close: () => Promise.resolve() };
      return failing as unknown as Outbox;
    },
  ],
])('connects with growing waits to a database that %s', async (_, connect) => {
  // After 0, 50, 150, 350, 750, 1,550 and 2,550 ms.
  expect(await attemptsOf(connect)).toBe(7);
});
