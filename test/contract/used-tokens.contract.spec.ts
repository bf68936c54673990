import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TokenReplayStore } from '../../src/live/tokens/token-replay.store.js';
import { MemoryTokenReplayStore } from '../../src/live/store/memory/token-replay.store.memory.js';
import { RedisTokenReplayStore } from '../../src/live/store/redis/token-replay.store.redis.js';
import { locate, needs } from '../kit/needs.js';
import { redisNode, type RedisNode } from '../kit/redis-node.js';

const inAMinute = (): number => Math.floor(Date.now() / 1000) + 60;

/** @param nodes two nodes that share what they know, or one node twice */
const suite = (nodes: () => readonly [TokenReplayStore, TokenReplayStore]) => (): void => {
  it('TK-9 gives a token its one use', async () => {
    const token = randomUUID();
    const [here, there] = nodes();
    expect(await here.claim(token, inAMinute())).toBe(true);
    expect(await here.claim(token, inAMinute())).toBe(false);
    expect(await there.claim(token, inAMinute())).toBe(false);
  });

  it('TK-9 gives it to one of fifty that claim it at once', async () => {
    const token = randomUUID();
    const claims = Array.from({ length: 50 }, (_, n) => nodes()[n % 2 ? 0 : 1].claim(token, inAMinute()));
    expect((await Promise.all(claims)).filter(Boolean)).toHaveLength(1);
  });

  it('knows tokens apart', async () => {
    const [here] = nodes();
    expect(await here.claim(randomUUID(), inAMinute())).toBe(true);
    expect(await here.claim(randomUUID(), inAMinute())).toBe(true);
  });
};

describe('used tokens in memory', () => {
  const memory = new MemoryTokenReplayStore();
  suite(() => [memory, memory])();
});

needs('redis')('used tokens on Redis', () => {
  let opened: RedisNode[];
  beforeAll(async () => {
    opened = await Promise.all([redisNode(locate('redis')), redisNode(locate('redis'))]);
  });
  afterAll(() => opened.forEach((node) => node.close()));
  suite(() => [new RedisTokenReplayStore(opened[0]!.connection), new RedisTokenReplayStore(opened[1]!.connection)])();
});
