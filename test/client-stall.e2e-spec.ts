import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { WebSocket } from 'ws';
import { createLiveClient } from '../client/index.js';
import { Browser } from './kit/browser.js';
import { needs } from './kit/needs.js';
import { createDatabase, type TestDatabase } from './kit/postgres-database.js';
import { RedisServer } from './kit/redis-server.js';
import { type ServerProcess, startServerProcess } from './kit/server-process.js';
import { TcpProxy } from './kit/tcp-proxy.js';
import { NotificationsFeed } from '../src/feeds/notifications/notifications.feed.js';
import { topicOf } from '../src/live/topics/topic.js';
import { redisNode } from './kit/redis-node.js';

needs('postgres', 'redis')('a client whose node is paused', () => {
  let database: TestDatabase;
  let redis: RedisServer;
  let nodes: ServerProcess[] = [];

  beforeAll(async () => {
    [database, redis] = await Promise.all([createDatabase(), RedisServer.start()]);
    const shared = {
      PUBLIC_URL: 'http://127.0.0.1:3000',
      DATABASE_URL: database.url,
      REDIS_URL: redis.url,
      SECRET_KEYS: randomBytes(32).toString('base64url'),
      USER_COUNT_INTERVAL_SECONDS: '3600',
    };
    nodes = await Promise.all([startServerProcess(shared), startServerProcess(shared)]);
  });

  afterAll(async () => {
    for (const { child } of nodes) child.kill('SIGCONT');
    await Promise.all(nodes.map((node) => node.end('SIGKILL')));
    await redis.remove();
    await database.drop();
  });

  it('gets each event once, although the resumed node sends its queued events', async () => {
    const [stalling, other] = nodes as [ServerProcess, ServerProcess];
    const balancer = await TcpProxy.start(portOf(stalling));
    const publisher = await redisNode(redis.url);
    const browser = new Browser(other.url, { origin: null });
    const { id } = await browser.register();
    const topic = topicOf(NotificationsFeed.topic, `user:${id}`);
    const publish = (numbers: readonly number[]) =>
      publisher.bus.publish(
        numbers.map((n) => ({
          topic,
          payload: { id: `${n}`, kind: 'test', title: `${n}`, createdAt: new Date().toISOString() },
        })),
      );
    const got: string[] = [];
    const onState = vi.fn();
    const client = createLiveClient({
      url: `http://127.0.0.1:${balancer.port}/graphql`,
      webSocketImpl: WebSocket,
      getToken: () => browser.token(),
      onState,
    });
    client.subscribe<{ notifications: { title: string } }>(
      { query: 'subscription { notifications { title } }' },
      { next: ({ data }) => got.push(data?.notifications.title ?? ''), error() {}, complete() {} },
    );
    const until = (last: number) => vi.waitFor(() => expect(got.at(-1)).toBe(`${last}`), { timeout: 15_000 });
    await vi.waitFor(() => expect(client.state).toBe('live'), { timeout: 15_000 });
    await publish([1]);
    await until(1);

    stalling.child.kill('SIGSTOP');
    await publish(range(2, 100));
    balancer.redirect(portOf(other));
    // As the heartbeat does when a pong is missing.
    client.terminate();
    await until(100);
    const woken = vi.fn();
    client.on('message', woken);
    stalling.child.kill('SIGCONT');
    await vi.waitFor(async () => expect((await fetch(`${stalling.url}/readyz`)).ok).toBe(true), { timeout: 15_000 });
    await publish(range(101, 110));
    await until(110);
    expect(got).toEqual(range(1, 110).map(String));
    expect(woken).toHaveBeenCalledTimes(10);
    await client.dispose();
    publisher.close();
    await balancer.stop();
  });
});

function portOf({ url }: ServerProcess): number {
  return Number(new URL(url).port);
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}
