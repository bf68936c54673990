import { RateLimiterMemory } from 'rate-limiter-flexible';
import { expect, it } from 'vitest';
import { DeferredSharedLimiter } from './rate-limiters.redis.js';

const OPTIONS = { points: 10, duration: 60 };

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

it('tells nobody of the first ones, and of all of them with the next', async () => {
  const shared = new RateLimiterMemory(OPTIONS);
  const node = new DeferredSharedLimiter(OPTIONS, shared, 3);
  expect(await allowed([node], 3)).toBe(3);
  expect(await shared.get('key')).toBeNull();
  expect(await allowed([node], 1)).toBe(1);
  expect((await shared.get('key'))?.consumedPoints).toBe(4);
});

it('lets a key have its share and no more, on one node', async () => {
  expect(await allowed([new DeferredSharedLimiter(OPTIONS, new RateLimiterMemory(OPTIONS), 3)], 50)).toBe(10);
});

it('lets a key that goes from node to node have one share as well', async () => {
  const shared = new RateLimiterMemory(OPTIONS);
  const nodes = [new DeferredSharedLimiter(OPTIONS, shared, 3), new DeferredSharedLimiter(OPTIONS, shared, 3)];
  expect(await allowed(nodes, 50)).toBe(10);
});
