import { afterAll, beforeAll, expect, it } from 'vitest';
import { MemoryGuessCounter } from '../../src/live/store/memory/guess-counter.memory.js';
import { PostgresGuessCounter } from '../../src/live/store/postgres/guess-counter.postgres.js';
import { StoreSweeper } from '../../src/live/store/postgres/store-sweeper.js';
import { RedisGuessCounter } from '../../src/live/store/redis/guess-counter.redis.js';
import { BUCKET_SIZE, BUCKETS, REMEMBER_MS } from '../../src/live/rate-limit/guess-counter.js';
import { requireNeed, needs } from '../kit/needs.js';
import { readOnly } from '../kit/postgres-database.js';
import { type PostgresNodes, postgresNode, twoPostgresNodes } from '../kit/postgres-node.js';
import { type RedisNode, redisNode } from '../kit/redis-node.js';
import { RedisServer } from '../kit/redis-server.js';
import { guessCounterContract } from './guess-counter.contract.js';

guessCounterContract('in memory', () => {
  const counter = new MemoryGuessCounter();
  return () => counter;
});

needs('redis')('on Redis', () => {
  let nodes: RedisNode[];
  beforeAll(async () => {
    nodes = await Promise.all([redisNode(requireNeed('redis')), redisNode(requireNeed('redis'))]);
  });
  afterAll(() => {
    for (const node of nodes) node.close();
  });

  guessCounterContract('of two nodes on Redis', () => {
    const counters = nodes.map(({ connection }) => new RedisGuessCounter(connection));
    let turn = 0;
    return () => counters[turn++ % counters.length]!;
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
    const counter = new RedisGuessCounter(node.connection);
    for (let n = 0; n < 3 * BUCKETS; n += 1) await counter.reserve(`login nobody-${n}@example.test`, '192.0.2.1');
    expect(await node.connection.client.dbsize()).toBeLessThanOrEqual(BUCKETS);
    expect(BUCKETS * BUCKET_SIZE).toBeLessThan(100_000);
  });

  it('is counted by each node while Redis is full and refuses to write', async () => {
    const counter = new RedisGuessCounter(node.connection);
    await node.connection.client.config('SET', 'maxmemory-policy', 'noeviction');
    await node.connection.client.config('SET', 'maxmemory', '1');
    const verdicts = [];
    for (let n = 0; n < 7; n += 1) verdicts.push((await counter.reserve('login full@example.test', '192.0.2.1')).ok);
    await node.connection.client.config('SET', 'maxmemory', '0');
    expect(verdicts).toEqual([true, true, true, true, true, false, false]);
  });
});

needs('postgres')('on PostgreSQL', () => {
  let nodes: PostgresNodes;
  beforeAll(async () => void (nodes = await twoPostgresNodes()));
  afterAll(() => nodes.remove());

  guessCounterContract('of two nodes on PostgreSQL', () => {
    const counters = [nodes.here, nodes.there].map(({ connection }) => new PostgresGuessCounter(connection));
    let turn = 0;
    return () => counters[turn++ % counters.length]!;
  });

  it('forgets a subject that was not guessed at for a day, and its row is removed', async () => {
    const { connection } = nodes.here;
    const counter = new PostgresGuessCounter(connection);
    const age = () => connection.run('update sallyport.guess set touched_at = touched_at - $1', [REMEMBER_MS]);
    for (let n = 0; n < 5; n += 1) await counter.reserve('login old@example.test', '192.0.2.1');
    expect((await counter.reserve('login old@example.test', '192.0.2.1')).ok).toBe(false);
    await age();
    expect(await counter.reserve('login old@example.test', '192.0.2.1')).toEqual({ ok: true, count: 1 });
    await age();
    const sweeper = new StoreSweeper(connection);
    await sweeper.sweep();
    await sweeper.stop();
    expect(await connection.run('select from sallyport.guess')).toEqual([]);
  });

  it('is counted by each node while PostgreSQL takes no writes', async () => {
    const node = await postgresNode(readOnly(nodes.url));
    const counter = new PostgresGuessCounter(node.connection);
    const verdicts = [];
    for (let n = 0; n < 7; n += 1) verdicts.push((await counter.reserve('login full@example.test', '192.0.2.1')).ok);
    await counter.right('login full@example.test');
    expect(verdicts).toEqual([true, true, true, true, true, false, false]);
    expect(await counter.reserve('login full@example.test', '192.0.2.1')).toEqual({ ok: true, count: 1 });
    await node.close();
  });
});
