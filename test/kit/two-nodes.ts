import { type DatabaseProxy, proxyTo } from './database-proxy.js';
import { createDatabase } from './postgres-database.js';
import { RedisServer } from './redis-server.js';
import { startServer, type TestServer } from './server.js';

/** The stores that nodes can share. */
export const SHARED_STORES = ['redis', 'postgres'] as const;

/** Two nodes of one deployment, with their own PostgreSQL database and, if it is their store, their own Redis. */
export interface TwoNodes {
  readonly nodes: [TestServer, TestServer];
  /** Stops and starts the store: Redis for both nodes; PostgreSQL, which is also their database, only for the second. */
  readonly store: { stop(): Promise<void>; start(): Promise<void> };
  /** Stops both nodes and deletes their data. */
  stop(): Promise<void>;
}

/** Starts two nodes. Needs `postgres`, and `redis` if it is the store. */
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
