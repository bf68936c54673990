import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { postgresPrograms } from '../scripts/test-services.mjs';
import { PostgresGuessCounter } from '../src/live/store/postgres/guess-counter.postgres.js';
import { PostgresIntervalLease } from '../src/live/store/postgres/interval-lease.postgres.js';
import { PostgresPresence } from '../src/live/store/postgres/presence.postgres.js';
import { PostgresRateLimiters } from '../src/live/store/postgres/rate-limiters.postgres.js';
import { PostgresRevocationStore } from '../src/live/store/postgres/revocation.store.postgres.js';
import { PostgresSessionRevocations } from '../src/live/store/postgres/session-revocations.postgres.js';
import { PostgresTokenReplayStore } from '../src/live/store/postgres/token-replay.store.postgres.js';
import type { ViewerId } from '../src/live/viewer/viewer.js';
import { type PostgresNode, postgresNode } from './kit/postgres-node.js';
import { PostgresServer } from './kit/postgres-server.js';

/** 10 s in production. */
const LEASE_MS = 900;
const WAIT = { timeout: 30_000, interval: 50 };
const NETWORK = '192.0.2.1';

/** Creates one node's stores. */
function portsOf({ connection, log }: PostgresNode) {
  const sessions = new PostgresSessionRevocations(connection, log, pino({ level: 'silent' }));
  sessions.onModuleInit();
  return {
    guesses: new PostgresGuessCounter(connection),
    lease: new PostgresIntervalLease(connection),
    presence: new PostgresPresence(connection, LEASE_MS),
    limits: new PostgresRateLimiters(connection),
    revocations: new PostgresRevocationStore(connection),
    sessions,
    usedTokens: new PostgresTokenReplayStore(connection),
  };
}

const withPrograms = postgresPrograms() ? describe : describe.skip;

withPrograms('the ports of two nodes on a PostgreSQL that has crashed', () => {
  const viewer: ViewerId = `user:${randomUUID()}`;
  const guesser = `login ${randomUUID()}@example.test`;
  const [subject, token, leaseName] = [randomUUID(), randomUUID(), randomUUID()];
  const inAMinute = Math.floor(Date.now() / 1000) + 60;
  let server: PostgresServer;
  let nodes: PostgresNode[];
  let here: ReturnType<typeof portsOf>;
  let there: ReturnType<typeof portsOf>;

  beforeAll(async () => {
    server = await PostgresServer.start();
    nodes = [await postgresNode(server.url), await postgresNode(server.url)];
    [here, there] = nodes.map(portsOf) as [typeof here, typeof there];
    here.presence.enter(viewer);
    await untilPresent();
    await here.revocations.remember(subject, 7);
    await here.usedTokens.claim(token, inAMinute);
    for (let n = 0; n < 4; n += 1) await here.guesses.reserve(guesser, NETWORK);
    await here.lease.take(leaseName, 3_600_000);
    await server.stop();
    await server.start();
    await vi.waitFor(() => expect(nodes.map(({ log }) => log.isLost)).toEqual([false, false]), WAIT);
  });
  afterAll(async () => {
    await Promise.all([here, there].map(({ presence }) => presence.beforeApplicationShutdown()));
    await Promise.all(nodes.map((node) => node.close()));
    await server.remove();
  });

  const untilPresent = () =>
    vi.waitFor(async () => expect((await there.presence.among([viewer])).get(viewer)?.connections).toBe(1), WAIT);

  it('report their viewers again', async () => {
    await untilPresent();
    const found: ViewerId[] = [];
    for await (const batch of there.presence.connected()) found.push(...batch);
    expect(found).toEqual([viewer]);
  });

  it('remember revocations, used tokens and wrong passwords', async () => {
    expect(await there.revocations.issuedUntil([subject])).toEqual([7]);
    expect(await there.usedTokens.claim(token, inAMinute)).toBe(false);
    expect(await there.guesses.reserve(guesser, NETWORK)).toEqual({ ok: true, count: 5 });
    expect((await here.guesses.reserve(guesser, NETWORK)).ok).toBe(false);
  });

  it('give a lease to one node, and count together', async () => {
    const takes = await Promise.all([here, there].map(({ lease }) => lease.take(leaseName, 3_600_000)));
    expect(takes.filter(Boolean)).toHaveLength(1);
    const limit = { name: randomUUID(), points: 2, seconds: 3_600 };
    await here.limits.make(limit).consume('key');
    await there.limits.make(limit).consume('key');
    await expect(here.limits.make(limit).consume('key')).rejects.toMatchObject({ consumedPoints: 3 });
  });

  it('tell each other of ended sessions', async () => {
    const [session, heard] = [randomUUID(), new Set<string>()];
    there.sessions.listen((ids) => ids.forEach((id) => heard.add(id)));
    await here.sessions.announce([session]);
    await vi.waitFor(() => expect(heard).toContain(session), WAIT);
  });
});
