import { setTimeout as delay } from 'node:timers/promises';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import type { Logger } from 'pino';
import { StartError } from '../errors/start.error.js';
import { reasonOf } from './redis-failure.js';

/** How long a start waits for Redis before it gives up, in milliseconds. */
const START_PATIENCE_MS = 10_000;
const START_RETRY_MS = 500;
/** A Redis that owes an answer for so long counts as away: its connection is dropped and opened anew. */
export const SILENCE_MS = 2_000;

/** What was found behind `REDIS_URL`. */
export interface RedisLink {
  readonly client: Redis | Cluster;
  /** A connection of its own for subscriptions; on a cluster ioredis opens them inside the client. */
  readonly subscriber: Redis | Cluster;
  /** True on a cluster of Redis 7 or newer: channels live in slots, so a message visits one shard only. */
  readonly shardedPubSub: boolean;
  /** Host and port for log lines; never the user or the password. */
  readonly address: string;
}

const nextAttemptMs = (attempt: number): number =>
  Math.min(50 * 2 ** Math.min(attempt - 1, 10), 1_000) + Math.floor(Math.random() * 100);

/** Commands fail at once while Redis is away: nothing queues, nothing is sent a second time behind the caller's back. */
const FAIL_FAST = {
  lazyConnect: true,
  enableOfflineQueue: false,
  autoResubscribe: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  connectTimeout: SILENCE_MS,
  socketTimeout: SILENCE_MS,
  connectionName: 'sallyport',
  retryStrategy: nextAttemptMs,
} satisfies RedisOptions;

/**
 * Connects at start, asks whether a cluster answers, and opens the connections that fit.
 * Tries for 10 seconds with one line in the log.
 *
 * @throws StartError that names address and cause when Redis cannot be reached or refuses the credentials
 */
export async function openRedis(url: string, logger: Logger): Promise<RedisLink> {
  const { info, options } = await probePatiently(url, logger);
  const address = `${options.host}:${options.port}`;
  if (!/^cluster_enabled:1/m.test(info)) {
    const [client, subscriber] = [new Redis(url, FAIL_FAST), new Redis(url, FAIL_FAST)];
    await Promise.all([client.connect(), subscriber.connect()]);
    return { client, subscriber, shardedPubSub: false, address };
  }
  const shardedPubSub = Number(/^redis_version:(\d+)/m.exec(info)?.[1] ?? 0) >= 7;
  const cluster = openCluster(options, shardedPubSub);
  await cluster.connect();
  return { client: cluster, subscriber: cluster, shardedPubSub, address };
}

async function probePatiently(url: string, logger: Logger): Promise<{ info: string; options: RedisOptions }> {
  const givesUpAtMs = Date.now() + START_PATIENCE_MS;
  for (let attempt = 1; ; attempt++) {
    const { client, info, failure } = await probe(url);
    const address = `${client.options.host}:${client.options.port}`;
    if (info !== null) return { info, options: client.options };
    const reason = reasonOf(failure);
    if (Date.now() >= givesUpAtMs || /^(?:WRONGPASS|NOAUTH|NOPERM)$/.test(reason)) {
      throw new StartError(
        `Redis at ${address} cannot be used (${reason}). Start it, mend REDIS_URL, or unset REDIS_URL to run one node in memory.`,
      );
    }
    if (attempt === 1) logger.warn({ address, reason }, 'Redis is away: trying for 10 seconds');
    await delay(START_RETRY_MS);
  }
}

async function probe(url: string): Promise<{ client: Redis; info: string | null; failure?: unknown }> {
  const client = new Redis(url, { ...FAIL_FAST, retryStrategy: null });
  let failure: unknown;
  client.on('error', (error) => (failure ??= error));
  try {
    await client.connect();
    return { client, info: await client.info() };
  } catch (error) {
    return { client, info: null, failure: failure ?? error };
  } finally {
    client.disconnect();
  }
}

function openCluster(found: RedisOptions, shardedSubscribers: boolean): Cluster {
  const { username, password, tls } = found;
  return new Cluster([{ host: found.host ?? 'localhost', port: found.port ?? 6379 }], {
    lazyConnect: true,
    enableOfflineQueue: false,
    enableAutoPipelining: true,
    shardedSubscribers,
    clusterRetryStrategy: nextAttemptMs,
    clusterNodeRetryStrategy: nextAttemptMs,
    redisOptions: {
      ...(username ? { username } : {}),
      ...(password ? { password } : {}),
      ...(tls ? { tls } : {}),
      connectTimeout: SILENCE_MS,
      socketTimeout: SILENCE_MS,
      maxRetriesPerRequest: 0,
      autoResendUnfulfilledCommands: false,
    },
  });
}
