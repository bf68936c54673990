import { proxyTo } from './database-proxy.js';
import { createDatabase } from './postgres-database.js';
import { PostgresServer } from './postgres-server.js';
import { RedisServer } from './redis-server.js';

/** A shared store that a test can make fail, with a database. */
export interface FaultyStore {
  /** Settings that connect a node to both. */
  readonly env: Readonly<Record<string, string>>;
  /** Kills it, as in a crash; its data are kept. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Breaks the connections on which nodes receive events and returns their number. */
  breakListeners(): Promise<number>;
  /** Makes it hang: connections stay open, but nothing is answered. */
  freeze(): void;
  thaw(): void;
  remove(): Promise<void>;
}

/** Starts a Redis that persists every write, with a separate PostgreSQL database. */
export async function faultyRedis(): Promise<FaultyStore & { readonly redis: RedisServer }> {
  const [database, redis] = await Promise.all([createDatabase(), RedisServer.start()]);
  return {
    redis,
    env: { DATABASE_URL: database.url, REDIS_URL: redis.url },
    kill: () => redis.stop('SIGKILL'),
    start: () => redis.start(),
    breakListeners: async () => {
      const admin = redis.client();
      const broken = await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
      admin.disconnect();
      return Number(broken);
    },
    freeze: () => redis.freeze(),
    thaw: () => redis.thaw(),
    remove: async () => {
      await redis.remove();
      await database.drop();
    },
  };
}

/** Starts a PostgreSQL that is both the store and the database. */
export async function faultyPostgres(): Promise<FaultyStore> {
  const server = await PostgresServer.start();
  const proxy = await proxyTo(server.url);
  const listeners =
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'sallyport-listener'";
  return {
    env: { DATABASE_URL: proxy.url },
    kill: () => server.stop(),
    start: () => server.start(),
    breakListeners: async () => (await server.query(listeners)).rowCount ?? 0,
    freeze: proxy.hang,
    thaw: proxy.resume,
    remove: async () => {
      await proxy.end();
      await server.remove();
    },
  };
}
