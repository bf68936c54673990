import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UnavailableError } from '../../src/live/errors/sallyport.errors.js';
import type { TokenReplayStore } from '../../src/live/tokens/token-replay.store.js';
import { MemoryTokenReplayStore } from '../../src/live/store/memory/token-replay.store.memory.js';
import { PostgresTokenReplayStore } from '../../src/live/store/postgres/token-replay.store.postgres.js';
import { RedisTokenReplayStore } from '../../src/live/store/redis/token-replay.store.redis.js';
import { proxyTo } from '../kit/database-proxy.js';
import { requireNeed, needs } from '../kit/needs.js';
import { readOnly } from '../kit/postgres-database.js';
import { type PostgresNodes, postgresNode, twoPostgresNodes } from '../kit/postgres-node.js';
import { redisNode, type RedisNode } from '../kit/redis-node.js';
import { RedisServer } from '../kit/redis-server.js';

const inAMinute = (): number => Math.floor(Date.now() / 1000) + 60;

/** @param nodes two nodes that share a store, or the same node twice */
const suite = (nodes: () => readonly [TokenReplayStore, TokenReplayStore]) => (): void => {
  it('TK-9 accepts a token once', async () => {
    const token = randomUUID();
    const [here, there] = nodes();
    expect(await here.claim(token, inAMinute())).toBe(true);
    expect(await here.claim(token, inAMinute())).toBe(false);
    expect(await there.claim(token, inAMinute())).toBe(false);
  });

  it('TK-9 accepts one of fifty concurrent claims', async () => {
    const token = randomUUID();
    const claims = Array.from({ length: 50 }, (_, n) => nodes()[n % 2 ? 0 : 1].claim(token, inAMinute()));
    expect((await Promise.all(claims)).filter(Boolean)).toHaveLength(1);
  });

  it('keeps a token for minutes after its expiry, since clocks may be set back', async () => {
    const token = randomUUID();
    const [here, there] = nodes();
    const aMinuteAgo = inAMinute() - 120;
    expect(await here.claim(token, aMinuteAgo)).toBe(true);
    expect(await there.claim(token, aMinuteAgo)).toBe(false);
  });

  it('distinguishes tokens', async () => {
    const [here] = nodes();
    expect(await here.claim(randomUUID(), inAMinute())).toBe(true);
    expect(await here.claim(randomUUID(), inAMinute())).toBe(true);
  });
};

describe('a token replay store in memory', () => {
  const memory = new MemoryTokenReplayStore();
  suite(() => [memory, memory])();
});

needs('redis')('a token replay store on Redis', () => {
  let opened: RedisNode[];
  beforeAll(async () => {
    opened = await Promise.all([redisNode(requireNeed('redis')), redisNode(requireNeed('redis'))]);
  });
  afterAll(() => opened.forEach((node) => node.close()));
  suite(() => [new RedisTokenReplayStore(opened[0]!.connection), new RedisTokenReplayStore(opened[1]!.connection)])();

  it('refuses every token while Redis is unavailable', async () => {
    const server = await RedisServer.start();
    const node = await redisNode(server.url);
    const store = new RedisTokenReplayStore(node.connection);
    await server.stop();
    await expect(store.claim(randomUUID(), inAMinute())).rejects.toBeInstanceOf(UnavailableError);
    node.close();
    await server.remove();
  });
});

needs('postgres')('a token replay store on PostgreSQL', () => {
  let nodes: PostgresNodes;
  beforeAll(async () => void (nodes = await twoPostgresNodes()));
  afterAll(() => nodes.remove());
  suite(() => [
    new PostgresTokenReplayStore(nodes.here.connection),
    new PostgresTokenReplayStore(nodes.there.connection),
  ])();

  it('refuses every token while PostgreSQL takes no writes or is unavailable', async () => {
    const proxy = await proxyTo(readOnly(nodes.url));
    const node = await postgresNode(proxy.url);
    const store = new PostgresTokenReplayStore(node.connection);
    await expect(store.claim(randomUUID(), inAMinute())).rejects.toBeInstanceOf(UnavailableError);
    await proxy.shut();
    await expect(store.claim(randomUUID(), inAMinute())).rejects.toBeInstanceOf(UnavailableError);
    await node.close();
    await proxy.end();
  });
});
