import { afterAll, beforeAll, expect, it } from 'vitest';
import { MemoryGuessCounter } from '../../src/live/store/memory/guess-counter.memory.js';
import { RedisGuessCounter } from '../../src/live/store/redis/guess-counter.redis.js';
import { BUCKET_SIZE, BUCKETS } from '../../src/live/rate-limit/guess-counter.js';
import { locate, needs } from '../kit/needs.js';
import { type RedisNode, redisNode } from '../kit/redis-node.js';
import { RedisServer } from '../kit/redis-server.js';
import { guessLedgerContract } from './guess-counter.contract.js';

guessLedgerContract('in memory', () => {
  const ledger = new MemoryGuessCounter();
  return () => ledger;
});

needs('redis')('on Redis', () => {
  let nodes: RedisNode[];
  beforeAll(async () => {
    nodes = await Promise.all([redisNode(locate('redis')), redisNode(locate('redis'))]);
  });
  afterAll(() => {
    for (const node of nodes) node.close();
  });

  guessLedgerContract('of two nodes on Redis', () => {
    const ledgers = nodes.map(({ connection }) => new RedisGuessCounter(connection));
    let turn = 0;
    return () => ledgers[turn++ % ledgers.length]!;
  });
});

needs('redis')('a separate Redis', () => {
  let server: RedisServer;
  let node: RedisNode;
  beforeAll(async () => {
    server = await RedisServer.start();
    node = await redisNode(server.url);
  });
  afterAll(async () => {
    node.close();
    await server.stop();
  });

  it('has a bounded number of keys for any number of e-mails', async () => {
    const ledger = new RedisGuessCounter(node.connection);
    for (let n = 0; n < 3 * BUCKETS; n += 1) await ledger.reserve(`login nobody-${n}@example.test`, '192.0.2.1');
    expect(await node.connection.client.dbsize()).toBeLessThanOrEqual(BUCKETS);
    expect(BUCKETS * BUCKET_SIZE).toBeLessThan(100_000);
  });

  it('is counted by each node while Redis is full and refuses to write', async () => {
    const ledger = new RedisGuessCounter(node.connection);
    await node.connection.client.config('SET', 'maxmemory-policy', 'noeviction');
    await node.connection.client.config('SET', 'maxmemory', '1');
    const verdicts = [];
    for (let n = 0; n < 7; n += 1) verdicts.push((await ledger.reserve('login full@example.test', '192.0.2.1')).ok);
    await node.connection.client.config('SET', 'maxmemory', '0');
    expect(verdicts).toEqual([true, true, true, true, true, false, false]);
  });
});
