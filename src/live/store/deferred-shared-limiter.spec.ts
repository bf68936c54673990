import { RateLimiterMemory } from 'rate-limiter-flexible';
import { expect, it } from 'vitest';
import { DeferredSharedLimiter } from './deferred-shared-limiter.js';

const LIMIT = { name: 'test', points: 10, seconds: 60 };
const inMemory = () => new RateLimiterMemory({ points: 10, duration: 60 });

async function allowed(nodes: readonly DeferredSharedLimiter[], attempts: number): Promise<number> {
  let count = 0;
  for (let n = 0; n < attempts; n += 1) {
    await nodes[n % nodes.length]!.consume('key').then(
      () => (count += 1),
      () => undefined,
    );
  }
  return count;
}

it('shares no count at first, and the whole count from then on', async () => {
  const shared = inMemory();
  const node = new DeferredSharedLimiter(LIMIT, shared, 3);
  expect(await allowed([node], 3)).toBe(3);
  expect(await shared.get('key')).toBeNull();
  expect(await allowed([node], 1)).toBe(1);
  expect((await shared.get('key'))?.consumedPoints).toBe(4);
});

it('limits a key on one node', async () => {
  expect(await allowed([new DeferredSharedLimiter(LIMIT, inMemory(), 3)], 50)).toBe(10);
});

it('limits a key that uses several nodes', async () => {
  const shared = inMemory();
  const nodes = [new DeferredSharedLimiter(LIMIT, shared, 3), new DeferredSharedLimiter(LIMIT, shared, 3)];
  expect(await allowed(nodes, 50)).toBe(10);
});
