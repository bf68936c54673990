import { type DatabaseProxy, proxyTo } from './database-proxy.js';
import { createDatabase } from './postgres-database.js';
import { RedisServer } from './redis-server.js';
import { startServer, type TestServer } from './server.js';

/** The stores that nodes share. */
export const SHARED_STORES = ['redis', 'postgres'] as const;

/** Two nodes of one deployment, on a PostgreSQL database of their own and, where it is their store, on a Redis. */
export interface TwoNodes {
  readonly nodes: [TestServer, TestServer];
  /** Takes the store away: Redis from both nodes, PostgreSQL, which is their database too, from the second. */
  readonly store: { stop(): Promise<void>; start(): Promise<void> };
  /** Stops both and removes what they stood on. */
  stop(): Promise<void>;
}

/** Starts both. Needs `postgres`, and `redis` unless the store is PostgreSQL. */
export async function startTwoNodes(
  env: Readonly<Record<string, string>>,
  store: (typeof SHARED_STORES)[number] = 'redis',
): Promise<TwoNodes> {
  const [database, redis] = await Promise.all([createDatabase(), store === 'redis' ? RedisServer.start() : null]);
  const secrets = {
    SECRET_KEYS: 'two nodes of one test share this secret 0123456789',
    PUBLIC_URL: 'http://127.0.0.1:1',
  };
  const proxy = await proxyTo(database.url);
  const start = (url: string): Promise<TestServer> =>
    startServer({ env: { ...env, ...secrets, DATABASE_URL: url, ...(redis && { REDIS_URL: redis.url }) } });
  const nodes: [TestServer, TestServer] = await Promise.all([start(database.url), start(proxy.url)]);
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.stop()));
    await redis?.remove();
    await proxy.end();
    await database.drop();
  };
  return { nodes, store: redis ?? switchOf(proxy), stop };
}

function switchOf({ shut, open }: DatabaseProxy): TwoNodes['store'] {
  return { stop: shut, start: open };
}
