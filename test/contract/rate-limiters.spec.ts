import { randomUUID } from 'node:crypto';
import { RateLimiterRes } from 'rate-limiter-flexible';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { RateLimit, RateLimiters } from '../../src/live/rate-limit/rate-limiters.js';
import { MemoryRateLimiters } from '../../src/live/store/memory/rate-limiters.memory.js';
import { PostgresRateLimiters } from '../../src/live/store/postgres/rate-limiters.postgres.js';
import { StoreSweeper } from '../../src/live/store/postgres/store-sweeper.js';
import { RedisRateLimiters } from '../../src/live/store/redis/rate-limiters.redis.js';
import { proxyTo } from '../kit/database-proxy.js';
import { requireNeed, needs } from '../kit/needs.js';
import { readOnly } from '../kit/postgres-database.js';
import { type PostgresNodes, postgresNode, twoPostgresNodes } from '../kit/postgres-node.js';
import { type RedisNode, redisNode } from '../kit/redis-node.js';

const newLimit = (seconds = 3_600): RateLimit => ({ name: randomUUID(), points: 5, seconds });

/** Counts the allowed attempts and returns the last refusal, if any. */
async function attempts(limits: readonly RateLimiters[], limit: RateLimit, count: number, key = 'key') {
  const limiters = limits.map((one) => one.make(limit));
  const outcomes = await Promise.all(
    Array.from({ length: count }, (_, n) =>
      limiters[n % limiters.length]!.consume(key).then(
        () => null,
        (refusal: unknown) => refusal,
      ),
    ),
  );
  const refusals = outcomes.filter((outcome) => outcome !== null);
  return { allowed: count - refusals.length, refusals };
}

/** @param nodes two nodes that share their counts, or the same node twice */
function rateLimitersContract(name: string, nodes: () => readonly [RateLimiters, RateLimiters]): void {
  describe(`rate limits ${name}`, () => {
    it('allow as many as they say of many concurrent attempts, and tell the others how long to wait', async () => {
      const limits = name === 'in memory' ? nodes().slice(0, 1) : nodes();
      const { allowed, refusals } = await attempts(limits, newLimit(), 30);
      expect(allowed).toBe(5);
      for (const refusal of refusals) {
        expect(refusal).toBeInstanceOf(RateLimiterRes);
        expect((refusal as RateLimiterRes).msBeforeNext).toBeGreaterThan(3_500_000);
        expect((refusal as RateLimiterRes).msBeforeNext).toBeLessThanOrEqual(3_600_000);
      }
    });

    it('count keys and names separately', async () => {
      const limit = newLimit();
      expect((await attempts([nodes()[0]], limit, 5, 'one')).allowed).toBe(5);
      expect((await attempts([nodes()[0]], limit, 5, 'other')).allowed).toBe(5);
      expect((await attempts([nodes()[0]], newLimit(), 5, 'one')).allowed).toBe(5);
    });

    it('start again after their time', async () => {
      const limit = newLimit(1);
      const limiter = nodes()[0].make(limit);
      for (let n = 0; n < 6; n += 1) await limiter.penalty('key');
      await vi.waitFor(async () => expect((await limiter.consume('key')).consumedPoints).toBe(1), 30_000);
    });

    it.each([-300, 300])('last as long as they say when the wall clock is set by %i s', async (stepSeconds) => {
      const limiter = nodes()[0].make(newLimit(60));
      for (let n = 0; n < 5; n += 1) await limiter.consume('key');
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + stepSeconds * 1_000 });
      const refusal: unknown = await limiter.consume('key').catch((reason: unknown) => reason);
      vi.useRealTimers();
      expect((refusal as RateLimiterRes).consumedPoints).toBe(6);
      expect((refusal as RateLimiterRes).msBeforeNext).toBeGreaterThan(30_000);
      expect((refusal as RateLimiterRes).msBeforeNext).toBeLessThanOrEqual(60_000);
    });

    it('give points back', async () => {
      const limiter = nodes()[0].make(newLimit());
      for (let n = 0; n < 7; n += 1) await limiter.penalty('key');
      for (let n = 0; n < 4; n += 1) await limiter.reward('key');
      expect((await limiter.consume('key')).remainingPoints).toBe(1);
    });
  });
}

const memory = new MemoryRateLimiters();
rateLimitersContract('in memory', () => [memory, memory]);

it('rate limits in memory forget the oldest key for the 100,001st', async () => {
  const limiter = memory.make(newLimit());
  await limiter.penalty('oldest', 5);
  await limiter.penalty('second', 5);
  for (let n = 0; n < 99_999; n += 1) await limiter.penalty(n);
  expect((await limiter.penalty('second')).consumedPoints).toBe(6);
  expect((await limiter.penalty('oldest')).consumedPoints).toBe(1);
});

needs('redis')('with Redis', () => {
  let nodes: RedisNode[];
  beforeAll(
    async () => void (nodes = await Promise.all([redisNode(requireNeed('redis')), redisNode(requireNeed('redis'))])),
  );
  afterAll(() => nodes.forEach((node) => node.close()));

  rateLimitersContract('on Redis', () => [
    new RedisRateLimiters(nodes[0]!.connection),
    new RedisRateLimiters(nodes[1]!.connection),
  ]);

  it("each command of a rate limit on Redis counts in the store's metrics", async () => {
    const { connection } = nodes[0]!;
    const limiter = new RedisRateLimiters(connection).make(newLimit());
    const took = vi.spyOn(connection.health, 'took');
    await limiter.consume('key');
    await limiter.penalty('key');
    await limiter.reward('key');
    expect(took.mock.calls.map(([operation]) => operation)).toEqual(['limit', 'limit', 'limit']);
    took.mockRestore();
  });
});

needs('postgres')('with PostgreSQL', () => {
  let nodes: PostgresNodes;
  beforeAll(async () => void (nodes = await twoPostgresNodes()));
  afterAll(() => nodes.remove());

  rateLimitersContract('on PostgreSQL', () => [
    new PostgresRateLimiters(nodes.here.connection),
    new PostgresRateLimiters(nodes.there.connection),
  ]);

  it('rate limits are counted by each node while PostgreSQL takes no writes or is unavailable', async () => {
    const proxy = await proxyTo(readOnly(nodes.url));
    const node = await postgresNode(proxy.url);
    const limits = [new PostgresRateLimiters(node.connection)];
    expect((await attempts(limits, newLimit(), 20)).allowed).toBe(5);
    await proxy.shut();
    expect((await attempts(limits, newLimit(), 20)).allowed).toBe(5);
    await node.close();
    await proxy.end();
  });

  it('rate limits last no longer than they say when the clock of PostgreSQL is set back', async () => {
    const limiter = new PostgresRateLimiters(nodes.here.connection).make(newLimit(60));
    const { length } = await Promise.all(Array.from({ length: 5 }, () => limiter.consume('set back')));
    await nodes.here.connection.run(
      `update sallyport.rate_limit set expire = expire + 300000 where key like '%:set back'`,
    );
    const { consumedPoints, msBeforeNext } = await limiter.penalty('set back');
    expect(consumedPoints).toBe(length + 1);
    expect(msBeforeNext).toBeLessThanOrEqual(60_000);
  });

  it('rate limits leave no row behind for long after their time', async () => {
    const { connection } = nodes.here;
    const limits = [new PostgresRateLimiters(connection)];
    for (const key of ['one', 'two', 'three']) await attempts(limits, newLimit(), 1, key);
    const [stays] = await connection.run<{ key: string }>(
      `update sallyport.rate_limit set expire = 1 where key not like '%:three' returning key`,
    );
    expect(stays).toBeDefined();
    const sweeper = new StoreSweeper(connection);
    await sweeper.sweep();
    await sweeper.stop();
    const left = await connection.run<{ key: string }>('select key from sallyport.rate_limit');
    expect(left.map(({ key }) => key.split(':').at(-1))).toEqual(['three']);
  });
});
