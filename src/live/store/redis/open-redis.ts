import { setTimeout as delay } from 'node:timers/promises';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import type { Logger } from 'pino';
import { parseRedisUrl, type RedisAddress, type RedisPlace } from './redis-url.js';
import { within } from '../../deadline.js';
import { StartError } from '../../errors/sallyport.errors.js';
import type { StoreSettings } from '../../live.config.js';
import { messageOf, reasonOf } from './redis-failure.js';

/** How long a start waits for Redis before it fails, in milliseconds. */
const START_TIMEOUT_MS = 10_000;
const START_RETRY_MS = 500;
/**
 * If Redis does not reply for this long, it counts as unavailable: the connection is dropped and reopened. In
 * milliseconds.
 */
export const SILENCE_MS = 2_000;
/** How often the slots of a cluster are refreshed if no failure triggers it. */
const SLOTS_REFRESH_MS = 5_000;
/** The most cluster members that are remembered, those of `REDIS_URL` first. */
const MAX_KNOWN_MEMBERS = 256;
const VARIABLES: StoreSettings = { url: 'REDIS_URL', instead: 'unset REDIS_URL to run one node in memory' };

/** What was found behind `REDIS_URL`. */
export interface RedisLink {
  readonly client: Redis | Cluster;
  /**
   * Opens a connection for subscriptions: to this member of a cluster, or without an argument to where commands go. Not
   * yet connected.
   */
  openSubscriber(member?: RedisPlace): Redis;
  /** True on a cluster of Redis 7 or newer: channels belong to slots, so a message goes through one shard only. */
  readonly shardedPubSub: boolean;
  /** Hosts and ports for log lines; never the user or the password. */
  readonly address: string;
  /** What messages call it. */
  readonly settings: StoreSettings;
}

const nextAttemptMs = (attempt: number): number =>
  Math.min(50 * 2 ** Math.min(attempt - 1, 10), 1_000) + Math.floor(Math.random() * 100);

/** Commands fail at once while Redis is unavailable: none are queued or retried. */
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
 * Connects at start: to the master that the Sentinels name, else to the first given address that answers, and if that
 * is a cluster member, to the whole cluster. Tries for 10 seconds with one line in the log.
 *
 * @param url as {@link parseRedisUrl} reads it
 * @param settings what messages call it. Default: the variables of the stand-alone server
 * @throws StartError that names addresses and cause when Redis cannot be reached or refuses the credentials
 */
export async function openRedis(url: string, logger: Logger, settings = VARIABLES): Promise<RedisLink> {
  const found = parseRedisUrl(url);
  if (!found) throw new StartError(`${settings.url} is not the URL of a Redis.`);
  const address = found.places.map(({ host, port }) => `${host}:${port}`).join(', ');
  const { info, place } = await probePatiently(found, address, logger, settings);
  if (!/^cluster_enabled:1/m.test(info)) {
    const open = (): Redis => listened(new Redis({ ...FAIL_FAST, ...optionsOf(found, place), db: found.database }));
    const client = open();
    await client.connect();
    return { client, openSubscriber: open, shardedPubSub: false, address, settings };
  }
  const shardedPubSub = Number(/^redis_version:(\d+)/m.exec(info)?.[1] ?? 0) >= 7;
  const client = openCluster(found);
  await connectCluster(client, address);
  const openSubscriber = (member = place): Redis => listened(new Redis({ ...FAIL_FAST, ...optionsOf(found, member) }));
  return { client, openSubscriber, shardedPubSub, address, settings };
}

/** Whether a Redis answers within two seconds, for callers that can work without it. Never throws. */
export async function redisAnswers(url: string): Promise<boolean> {
  const found = parseRedisUrl(url);
  if (!found) return false;
  return (await probeAny(found, found.places)).ok;
}

/** The options of every connection. */
type ConnectionOptions = Omit<RedisOptions, 'replyMapping'>;

/** The options for one server; with Sentinel, for the current master. */
function optionsOf(found: RedisAddress, { host, port }: RedisPlace): ConnectionOptions {
  const { username, password, tls, family } = found;
  const signIn = { ...(username && { username }), ...(password && { password }), ...(tls && { tls: {} }) };
  const shared = { ...signIn, ...(family > 0 && { family }) };
  if (found.sentinelMaster === null) return { ...shared, host, port };
  return {
    ...shared,
    name: found.sentinelMaster,
    sentinels: found.places.map((place) => ({ ...place })),
    ...(found.sentinelUsername && { sentinelUsername: found.sentinelUsername }),
    ...(found.sentinelPassword && { sentinelPassword: found.sentinelPassword }),
    ...(tls && { enableTLSForSentinelMode: true, sentinelTLS: {} }),
    role: 'master',
    sentinelRetryStrategy: nextAttemptMs,
    sentinelCommandTimeout: SILENCE_MS,
    // The former master is now a replica: ask the Sentinels again.
    reconnectOnError: (error) => messageOf(error).startsWith('READONLY'),
  };
}

/** Without a listener ioredis prints errors; the owner of the connection logs them. */
function listened<T extends Redis | Cluster>(client: T): T {
  client.on('error', () => {});
  return client;
}

/** What an operator is told when Redis cannot be used at the start. */
export function startErrorOf(
  reason: string,
  { address, settings }: Pick<RedisLink, 'address' | 'settings'>,
): StartError {
  return new StartError(
    `Redis at ${address} cannot be used (${reason}). Start it, fix ${settings.url}, or ${settings.instead}.`,
  );
}

async function probePatiently(
  found: RedisAddress,
  address: string,
  logger: Logger,
  settings: StoreSettings,
): Promise<{ info: string; place: RedisPlace }> {
  const givesUpAtMs = performance.now() + START_TIMEOUT_MS;
  const [first] = found.places;
  const places = found.sentinelMaster !== null && first ? [first] : found.places;
  for (let attempt = 1; ; attempt++) {
    const probes = await probeAny(found, places);
    if (probes.ok) return probes;
    const { reason } = probes;
    if (performance.now() >= givesUpAtMs || /^(?:WRONGPASS|NOAUTH|NOPERM|NODATABASE)$/.test(reason)) {
      throw startErrorOf(reason, { address, settings });
    }
    if (attempt === 1) logger.warn({ address, reason }, 'Redis is unavailable: trying for 10 seconds');
    await delay(START_RETRY_MS);
  }
}

type Probe =
  | { readonly ok: true; readonly info: string; readonly place: RedisPlace }
  | { readonly ok: false; readonly reason: string };

/** Asks all servers at once and uses the first answer, since a dead member may take long. */
async function probeAny(found: RedisAddress, places: readonly RedisPlace[]): Promise<Probe> {
  try {
    return await Promise.any(places.map((place) => probe(found, place)));
  } catch (error) {
    const [cause] = error instanceof AggregateError ? (error.errors as unknown[]) : [error];
    return { ok: false, reason: reasonOf(cause) };
  }
}

/**
 * Where a database is missing, and on a cluster, which has only 0, ioredis would silently stay in database 0, with the
 * keys of others.
 *
 * @throws an error whose reason is NODATABASE; what else Redis answers
 */
export async function selectDatabase(client: Redis, database: number): Promise<void> {
  if (database === 0) return;
  await client.select(database).catch((error: unknown) => {
    throw reasonOf(error) === 'ERR' ? new Error(`NODATABASE ${database}`, { cause: error }) : error;
  });
}

async function probe(found: RedisAddress, place: RedisPlace): Promise<Probe> {
  const client = new Redis({
    ...FAIL_FAST,
    ...optionsOf(found, place),
    retryStrategy: null,
    sentinelRetryStrategy: () => null,
  });
  let failure: unknown;
  client.on('error', (error) => (failure ??= error));
  try {
    await client.connect();
    await selectDatabase(client, found.database);
    return { ok: true, info: await client.info(), place };
  } catch (error) {
    throw failure ?? error;
  } finally {
    client.disconnect();
  }
}

/**
 * Waits for the cluster's `ready` event, not for the promise of `connect`: if the member that ioredis asks for
 * readiness has just died, it reconnects by itself and leaves the first promise unsettled.
 */
async function connectCluster(cluster: Cluster, address: string): Promise<void> {
  let reason = 'CLUSTERDOWN';
  const ready = new Promise<true>((resolve) => cluster.once('ready', () => resolve(true)));
  cluster.connect().catch((error: unknown) => (reason = reasonOf(error)));
  if (await within(START_TIMEOUT_MS, ready, false)) return;
  cluster.disconnect();
  throw new StartError(
    `The Redis Cluster at ${address} is not ready (${reason}). Repair the cluster, then start again.`,
  );
}

function openCluster(found: RedisAddress): Cluster {
  const { username, password, tls, family } = found;
  // ioredis keeps a reference to this list and uses it when all known members are gone, so members that were seen are
  // added to it.
  const startupNodes = found.places.map((place) => ({ ...place }));
  const cluster = new Cluster(startupNodes, {
    lazyConnect: true,
    enableOfflineQueue: false,
    // Saves a write per command. Subscriptions must not use this client: they would share the pipeline, and with it a
    // connection whose messages are not read.
    enableAutoPipelining: true,
    clusterRetryStrategy: nextAttemptMs,
    clusterNodeRetryStrategy: nextAttemptMs,
    slotsRefreshInterval: SLOTS_REFRESH_MS,
    slotsRefreshTimeout: SILENCE_MS,
    // ioredis would connect to the address that a name resolves to, for which no certificate is made.
    ...(tls && { dnsLookup: (name, done) => done(null, name) }),
    redisOptions: {
      ...(username && { username }),
      ...(password && { password }),
      ...(tls && { tls: {} }),
      ...(family > 0 && { family }),
      connectTimeout: SILENCE_MS,
      socketTimeout: SILENCE_MS,
      maxRetriesPerRequest: 0,
      autoResendUnfulfilledCommands: false,
    },
  });
  cluster.on('+node', ({ options }: Redis) => {
    const { host, port } = options;
    if (host && port && !startupNodes.some((known) => known.host === host && known.port === port))
      startupNodes.push({ host, port });
    if (startupNodes.length > MAX_KNOWN_MEMBERS) startupNodes.splice(found.places.length, 1);
  });
  return listened(cluster);
}
