import { proxyTo } from './database-proxy.js';
import { createDatabase } from './postgres-database.js';
import { PostgresServer } from './postgres-server.js';
import { RedisServer } from './redis-server.js';

/** A store of several nodes that a test makes fail, and the database beside it. */
export interface FaultyStore {
  /** Leads nodes to both. */
  readonly env: Readonly<Record<string, string>>;
  /** Ends it as a crash does; its data stay. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Breaks the connections on which nodes hear of events. Returns how many there were. */
  breakListeners(): Promise<number>;
  /** It keeps its connections and answers nothing. */
  freeze(): void;
  thaw(): void;
  remove(): Promise<void>;
}

/** A Redis, which keeps every write, and a database of its own. */
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

/** A PostgreSQL that is both. */
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
    thaw: proxy.goOn,
    remove: async () => {
      await proxy.end();
      await server.remove();
    },
  };
}
