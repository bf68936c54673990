import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { UnavailableError } from '../../src/live/errors/sallyport.errors.js';
import type { IntervalLease } from '../../src/live/leases/interval-lease.js';
import { MemoryIntervalLease } from '../../src/live/store/memory/interval-lease.memory.js';
import { PostgresIntervalLease } from '../../src/live/store/postgres/interval-lease.postgres.js';
import { RedisIntervalLease } from '../../src/live/store/redis/interval-lease.redis.js';
import { proxyTo } from '../kit/database-proxy.js';
import { requireNeed, needs } from '../kit/needs.js';
import { readOnly } from '../kit/postgres-database.js';
import { type PostgresNodes, postgresNode, twoPostgresNodes } from '../kit/postgres-node.js';
import { type RedisNode, redisNode } from '../kit/redis-node.js';
import { RedisServer } from '../kit/redis-server.js';

const LONG_MS = 3_600_000;
const SHORT_MS = 200;

/** @param nodes two nodes that share a store, or the same node twice */
function intervalLeaseContract(name: string, nodes: () => readonly [IntervalLease, IntervalLease]): void {
  describe(`an interval lease ${name}`, () => {
    it('gives the lease to one of many concurrent requests, and to no other within the interval', async () => {
      const lease = randomUUID();
      const [here, there] = nodes();
      const takes = Array.from({ length: 20 }, (_, n) => (n % 2 ? here : there).take(lease, LONG_MS));
      expect((await Promise.all(takes)).filter(Boolean)).toHaveLength(1);
      expect(await here.take(lease, LONG_MS)).toBe(false);
      expect(await there.take(lease, LONG_MS)).toBe(false);
    });

    it('gives the next lease to any node after the interval, and not before three quarters of it', async () => {
      const lease = randomUUID();
      const [here, there] = nodes();
      const askedAtMs = performance.now();
      expect(await here.take(lease, SHORT_MS)).toBe(true);
      await vi.waitFor(async () => expect(await there.take(lease, SHORT_MS)).toBe(true), {
        timeout: 30_000,
        interval: 10,
      });
      // Stores round to whole milliseconds at both ends.
      expect(performance.now() - askedAtMs).toBeGreaterThanOrEqual(0.75 * SHORT_MS - 2);
    });

    it('keeps leases of different names apart', async () => {
      const [here] = nodes();
      expect(await here.take(randomUUID(), LONG_MS)).toBe(true);
      expect(await here.take(randomUUID(), LONG_MS)).toBe(true);
    });
  });
}

const memory = new MemoryIntervalLease();
intervalLeaseContract('in memory', () => [memory, memory]);

needs('redis')('with Redis', () => {
  let opened: RedisNode[];
  beforeAll(async () => {
    opened = await Promise.all([redisNode(requireNeed('redis')), redisNode(requireNeed('redis'))]);
  });
  afterAll(() => opened.forEach((node) => node.close()));

  intervalLeaseContract('on Redis', () => [
    new RedisIntervalLease(opened[0]!.connection),
    new RedisIntervalLease(opened[1]!.connection),
  ]);

  it('an interval lease is given to no node while Redis is unavailable', async () => {
    const server = await RedisServer.start();
    const node = await redisNode(server.url);
    const lease = new RedisIntervalLease(node.connection);
    await server.stop();
    await expect(lease.take(randomUUID(), LONG_MS)).rejects.toBeInstanceOf(UnavailableError);
    node.close();
    await server.remove();
  });
});

needs('postgres')('with PostgreSQL', () => {
  let nodes: PostgresNodes;
  beforeAll(async () => void (nodes = await twoPostgresNodes()));
  afterAll(() => nodes.remove());

  intervalLeaseContract('on PostgreSQL', () => [
    new PostgresIntervalLease(nodes.here.connection),
    new PostgresIntervalLease(nodes.there.connection),
  ]);

  it('an interval lease is given to one node after the clock of PostgreSQL was set back', async () => {
    const [lease, name] = [new PostgresIntervalLease(nodes.here.connection), randomUUID()];
    await lease.take(name, LONG_MS);
    await nodes.here.connection.run("update sallyport.lease set taken_at = taken_at + interval '1 day'");
    const takes = Array.from({ length: 20 }, () => lease.take(name, LONG_MS));
    expect((await Promise.all(takes)).filter(Boolean)).toHaveLength(1);
  });

  it('an interval lease is given to no node while PostgreSQL takes no writes or is unavailable', async () => {
    const proxy = await proxyTo(readOnly(nodes.url));
    const node = await postgresNode(proxy.url);
    const lease = new PostgresIntervalLease(node.connection);
    await expect(lease.take(randomUUID(), LONG_MS)).rejects.toBeInstanceOf(UnavailableError);
    await proxy.shut();
    await expect(lease.take(randomUUID(), LONG_MS)).rejects.toBeInstanceOf(UnavailableError);
    await node.close();
    await proxy.end();
  });
});
