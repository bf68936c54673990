import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UnavailableError } from '../../src/live/errors/sallyport.errors.js';
import { externalSession } from '../../src/live/sessions/external-session.js';
import { KEEP_REVOCATION_SECONDS, type RevocationStore } from '../../src/live/sessions/revocation.store.js';
import { MemoryRevocationStore } from '../../src/live/store/memory/revocation.store.memory.js';
import { PostgresRevocationStore } from '../../src/live/store/postgres/revocation.store.postgres.js';
import { RedisRevocationStore } from '../../src/live/store/redis/revocation.store.redis.js';
import { requireNeed, needs } from '../kit/needs.js';
import { readOnly } from '../kit/postgres-database.js';
import { type PostgresNodes, postgresNode, twoPostgresNodes } from '../kit/postgres-node.js';
import { redisNode, type RedisNode } from '../kit/redis-node.js';

/** @param nodes two nodes that share a store, or the same node twice */
const suite = (nodes: () => readonly [RevocationStore, RevocationStore]) => (): void => {
  it('returns on every node until when a subject is revoked', async () => {
    const [here, there] = nodes();
    const [revoked, other] = [randomUUID(), randomUUID()];
    await here.remember(revoked, 1_790_000_000_123);
    expect(await there.issuedUntil([other, revoked])).toEqual([0, 1_790_000_000_123]);
    expect(await here.issuedUntil([revoked])).toEqual([1_790_000_000_123]);
  });

  it('keeps the later of two times, in any order', async () => {
    const [here, there] = nodes();
    const subject = randomUUID();
    await here.remember(subject, 2_000);
    await there.remember(subject, 1_000);
    expect(await here.issuedUntil([subject])).toEqual([2_000]);
    await there.remember(subject, 3_000);
    expect(await here.issuedUntil([subject])).toEqual([3_000]);
  });

  it('accepts the latest time and an unusual name', async () => {
    const [here, there] = nodes();
    const subject = `session:${externalSession('acme', `ü:{}\\"' ${randomUUID()}`) ?? ''}`;
    await here.remember(subject, Number.MAX_SAFE_INTEGER);
    await here.remember(subject, 1);
    expect(await there.issuedUntil([subject])).toEqual([Number.MAX_SAFE_INTEGER]);
  });
};

describe('revocations in memory', () => {
  const memory = new MemoryRevocationStore();
  suite(() => [memory, memory])();
});

needs('redis')('revocations on Redis', () => {
  let opened: RedisNode[];
  beforeAll(async () => {
    opened = await Promise.all([redisNode(requireNeed('redis')), redisNode(requireNeed('redis'))]);
  });
  afterAll(() => opened.forEach((node) => node.close()));
  suite(() => [new RedisRevocationStore(opened[0]!.connection), new RedisRevocationStore(opened[1]!.connection)])();

  it('are kept until the last token has expired', async () => {
    const subject = randomUUID();
    await new RedisRevocationStore(opened[0]!.connection).remember(subject, 1);
    const left = await opened[0]!.connection.client.ttl(`sallyport:revoked:${subject}`);
    expect(left).toBeGreaterThan(KEEP_REVOCATION_SECONDS - 60);
    expect(left).toBeLessThanOrEqual(KEEP_REVOCATION_SECONDS);
  });
});

needs('postgres')('revocations on PostgreSQL', () => {
  let nodes: PostgresNodes;
  beforeAll(async () => void (nodes = await twoPostgresNodes()));
  afterAll(() => nodes.remove());
  suite(() => [
    new PostgresRevocationStore(nodes.here.connection),
    new PostgresRevocationStore(nodes.there.connection),
  ])();

  it('are kept until the last token has expired, and longer if renewed', async () => {
    const store = new PostgresRevocationStore(nodes.here.connection);
    const subject = randomUUID();
    for (const issuedUntilMs of [2, 1]) {
      await store.remember(subject, issuedUntilMs);
      const [row] = await nodes.here.connection.run<{ seconds: string }>(
        'select extract(epoch from keep_until - clock_timestamp()) as seconds from sallyport.revocation where subject = $1',
        [subject],
      );
      expect(Number(row?.seconds)).toBeGreaterThan(KEEP_REVOCATION_SECONDS - 60);
      expect(Number(row?.seconds)).toBeLessThanOrEqual(KEEP_REVOCATION_SECONDS);
      await nodes.here.connection.run('update sallyport.revocation set keep_until = clock_timestamp()');
    }
  });

  it('are refused while PostgreSQL takes no writes, and can still be read', async () => {
    const subject = randomUUID();
    await new PostgresRevocationStore(nodes.here.connection).remember(subject, 7);
    const node = await postgresNode(readOnly(nodes.url));
    const store = new PostgresRevocationStore(node.connection);
    await expect(store.remember(subject, 8)).rejects.toBeInstanceOf(UnavailableError);
    expect(await store.issuedUntil([subject])).toEqual([7]);
    await node.close();
  });
});
