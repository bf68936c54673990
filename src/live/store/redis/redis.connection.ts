import { type Cluster, Redis } from 'ioredis';
import { UnavailableError } from '../../errors/sallyport.errors.js';
import type { StoreHealth } from '../store-health.js';
import type { StoreOperation } from '../store-operation.js';
import { type RedisLink, selectDatabase } from './open-redis.js';
import { isRefusedWrite, reasonOf, storeFailure } from './redis-failure.js';
import type { RedisScript } from './redis-script.js';
import { StoreGeneration } from './store-generation.js';

/** How often Redis is asked for its time and given a write, in milliseconds; more often while that fails. */
const HEARTBEAT_MS = 5_000;
const RETRY_MS = 1_000;
/** How often the connection to a read-only Redis is replaced, in milliseconds. */
const REPLACE_EVERY_MS = 5_000;
/** Written on a cluster with each heartbeat, because a full or read-only Redis answers all other commands. */
const PROBE_KEY = 'sallyport:{store}:probe';
const PROBE_SECONDS = 60;

/**
 * The connection for commands. While Redis is unavailable or hangs (2 seconds without an answer), commands reject at
 * once with `UnavailableError`: none are queued or retried.
 */
export class RedisConnection {
  readonly client: Redis | Cluster;
  /** Whether keys belong to slots, so that one command may use one slot only. */
  readonly isCluster: boolean;
  #heartbeat: NodeJS.Timeout | undefined;
  #clockAheadMs = 0;
  #replacedAtMs = -Infinity;
  /** Whether this side is closing the connection to open another one. */
  #isReplacing = false;
  #isClosed = false;
  /** Null on a cluster, where scripts check the shard itself. */
  readonly #generation: StoreGeneration | null;
  /** Whether this connection's Redis is known to have kept its data, or a new generation was started. */
  #isSettled = false;
  #settling: Promise<void> | null = null;

  constructor(
    readonly link: RedisLink,
    readonly health: StoreHealth,
  ) {
    this.client = link.client;
    this.isCluster = link.client.isCluster;
    this.#generation = link.client instanceof Redis ? new StoreGeneration(link.client) : null;
    this.client.on('ready', () => void this.#beat());
    this.client.on('close', () => {
      this.#isSettled = false;
      if (!this.#isReplacing) this.#becameUnavailable('connection lost');
      this.#isReplacing = false;
    });
    this.client.on('error', (error: Error) => this.#becameUnavailable(reasonOf(error)));
    this.#scheduleBeat();
  }

  /** The number of the database with the keys; a cluster has only 0. */
  get database(): number {
    return 'db' in this.client.options ? (this.client.options.db ?? 0) : 0;
  }

  /** Whether a command sent now can succeed. */
  get isAvailable(): boolean {
    return this.client.status === 'ready' && this.#isSettled;
  }

  /** Called once at start, before any other command. @throws UnavailableError when it does not answer */
  async open(): Promise<void> {
    await this.readClock();
    await this.#beat();
  }

  /** Redis's clock, in ms since the epoch, from the last measurement: for deadlines that a script checks. */
  get nowMs(): number {
    return performance.timeOrigin + performance.now() + this.#clockAheadMs;
  }

  /**
   * Runs commands.
   *
   * @param operation what they are for, in metrics
   * @throws UnavailableError when Redis is unavailable, hangs or cannot serve; it may have run them anyway
   */
  async run<T>(commands: (client: Redis | Cluster) => Promise<T>, operation: StoreOperation = 'other'): Promise<T> {
    const startedAtMs = performance.now();
    try {
      return await commands(this.client);
    } catch (error) {
      this.#note(error);
      if (operation === 'heartbeat') this.#missBeat(error);
      throw storeFailure(error);
    } finally {
      this.health.took(operation, startedAtMs);
    }
  }

  /**
   * Runs a script by its hash; loads it into a Redis that does not have it.
   *
   * @throws UnavailableError as {@link run} does
   */
  async runScript(
    script: RedisScript,
    keys: readonly string[],
    values: readonly (string | number)[],
  ): Promise<unknown> {
    if (!this.#isSettled) await this.#settled();
    return this.run(async (client) => {
      try {
        return await client.evalsha(script.sha, keys.length, ...keys, ...values);
      } catch (error) {
        if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
        return await client.eval(script.lua, keys.length, ...keys, ...values);
      }
    }, script.operation);
  }

  /** Measures Redis's clock. Called with each heartbeat. */
  async readClock(): Promise<void> {
    const sentMs = performance.now();
    const [seconds, micros] = await this.run(timeOf, 'heartbeat');
    const halfwayMs = performance.timeOrigin + (sentMs + performance.now()) / 2;
    this.#clockAheadMs = Number(seconds) * 1000 + Number(micros) / 1000 - halfwayMs;
  }

  /** How many connections for commands are open: one, or one to each member of a cluster. */
  get openConnections(): number {
    const clients = this.client instanceof Redis ? [this.client] : this.client.nodes('all');
    return clients.filter(({ status }) => status === 'ready').length;
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#heartbeat);
    this.client.disconnect();
  }

  #scheduleBeat(): void {
    if (this.#isClosed) return;
    clearTimeout(this.#heartbeat);
    const waitMs = this.health.state === 'ok' ? HEARTBEAT_MS : RETRY_MS;
    this.#heartbeat = setTimeout(() => void this.#beat(), waitMs).unref();
  }

  async #beat(): Promise<void> {
    try {
      if (this.client.status !== 'ready') return;
      await this.#settled();
      await this.readClock();
      await this.run(() => this.#write(), 'heartbeat');
      this.health.tookWrite();
    } catch {
      // `run` has recorded why; the timeout drops the connection.
    } finally {
      this.#scheduleBeat();
    }
  }

  async #write(): Promise<void> {
    if (this.#generation) await this.#generation.beat();
    else await this.client.set(PROBE_KEY, '', 'EX', PROBE_SECONDS);
  }

  /** A new connection may lead to a Redis that has lost data; this is checked before any script runs there. */
  async #settled(): Promise<void> {
    if (this.#isSettled) return;
    if (this.client.status !== 'ready') throw new UnavailableError();
    await (this.#settling ??= this.#settle().finally(() => (this.#settling = null)));
  }

  async #settle(): Promise<void> {
    await this.run(async (client) => {
      if (client instanceof Redis) await selectDatabase(client, this.database);
      await this.#generation?.settle();
    }, 'heartbeat');
    if (this.client.status === 'ready') this.#isSettled = true;
  }

  /**
   * A timeout drops the connection. A Redis that answers with errors keeps its connection open, so it would seem
   * available. On a cluster it is one shard that answers.
   */
  #missBeat(error: unknown): void {
    if (this.isCluster || this.client.status !== 'ready' || isRefusedWrite(error)) return;
    this.health.becameUnavailable(reasonOf(error));
  }

  #note(error: unknown): void {
    const reason = reasonOf(error);
    this.health.failed(reason);
    if (!isRefusedWrite(error)) return;
    const wasOk = this.health.state === 'ok';
    this.health.refusedWrite(reason);
    if (reason === 'READONLY') this.#replace();
    if (wasOk) this.#scheduleBeat();
  }

  /** A former master keeps its connections, while its address may already lead to the next one. */
  #replace(): void {
    const nowMs = performance.now();
    if (this.isCluster || nowMs - this.#replacedAtMs < REPLACE_EVERY_MS) return;
    this.#replacedAtMs = nowMs;
    this.#isReplacing = true;
    this.client.disconnect(true);
  }

  #becameUnavailable(reason: string): void {
    if (this.#isClosed || this.client.status === 'end') return;
    this.health.becameUnavailable(reason);
  }
}

/** The first cluster member that answers, so that a dead one does not prevent a start. */
async function timeOf(client: Redis | Cluster): Promise<readonly [string | number, string | number]> {
  const [seconds = 0, micros = 0] =
    client instanceof Redis
      ? await client.time()
      : await Promise.any(client.nodes('master').map((member) => member.time())).catch(firstOf);
  return [seconds, micros];
}

function firstOf(error: unknown): never {
  throw error instanceof AggregateError ? error.errors[0] : error;
}
