import { createDatabase } from './postgres-database.js';
import { RedisServer } from './redis-server.js';
import { startServer, type TestServer } from './server.js';

/** Two nodes of one deployment, on a Redis and a PostgreSQL database of their own. */
export interface TwoNodes {
  readonly nodes: [TestServer, TestServer];
  readonly redis: RedisServer;
  /** Stops both and removes what they stood on. */
  stop(): Promise<void>;
}

/** Starts both. Needs `redis` and `postgres`. */
export async function startTwoNodes(env: Readonly<Record<string, string>>): Promise<TwoNodes> {
  const [redis, database] = await Promise.all([RedisServer.start(), createDatabase()]);
  const secrets = { SECRET_KEYS: 'two nodes of one test share this secret 0123456789' };
  const stores = { REDIS_URL: redis.url, DATABASE_URL: database.url, PUBLIC_URL: 'http://127.0.0.1:1' };
  const shared = { env: { ...env, ...secrets, ...stores } };
  const nodes: [TestServer, TestServer] = await Promise.all([startServer(shared), startServer(shared)]);
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.stop()));
    await redis.remove();
    await database.drop();
  };
  return { nodes, redis, stop };
}
