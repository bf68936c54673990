import type { Cluster, Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { RedisLink } from './open-redis.js';
import { reasonOf, storeFailure } from './redis-failure.js';
import type { RedisScript } from './redis-script.js';

/** How often the connection is asked whether it still answers, and what time it is there, in milliseconds. */
const HEARTBEAT_MS = 5_000;

/**
 * The one connection for commands. While Redis is away or hangs (2 seconds without an answer), commands reject
 * at once with `UnavailableError`: nothing queues and nothing is sent twice.
 */
export class RedisConnection {
  readonly client: Redis | Cluster;
  /** Whether keys live in slots, so that one command touches one slot only. */
  readonly isCluster: boolean;
  readonly #heartbeat: NodeJS.Timeout;
  #clockAheadMs = 0;
  #isAway = false;

  constructor(
    readonly link: RedisLink,
    private readonly logger: Logger,
  ) {
    this.client = link.client;
    this.isCluster = link.client.isCluster;
    this.client.on('ready', () => this.#cameBack());
    this.client.on('close', () => this.#wentAway());
    this.client.on('error', (error: Error) => this.#wentAway(error));
    this.#heartbeat = setInterval(() => void this.#beat(), HEARTBEAT_MS).unref();
  }

  /** The number of the database that keys are in; a cluster has only 0. */
  get database(): number {
    return 'db' in this.client.options ? (this.client.options.db ?? 0) : 0;
  }

  /** Whether a command sent now has a chance. */
  get isAvailable(): boolean {
    return this.client.status === 'ready';
  }

  /** Redis's clock, in ms since the epoch, as it was last told: for deadlines that a script checks. */
  get nowMs(): number {
    return performance.timeOrigin + performance.now() + this.#clockAheadMs;
  }

  /**
   * Runs commands.
   *
   * @throws UnavailableError when Redis is away, hangs or cannot serve; then it may have run them all the same
   */
  async run<T>(commands: (client: Redis | Cluster) => Promise<T>): Promise<T> {
    try {
      return await commands(this.client);
    } catch (error) {
      throw storeFailure(error);
    }
  }

  /**
   * Runs a script by its hash; a Redis that does not know it is given it once.
   *
   * @throws UnavailableError as {@link run} does
   */
  async runScript(
    script: RedisScript,
    keys: readonly string[],
    values: readonly (string | number)[],
  ): Promise<unknown> {
    return this.run(async (client) => {
      try {
        return await client.evalsha(script.sha, keys.length, ...keys, ...values);
      } catch (error) {
        if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
        return await client.eval(script.lua, keys.length, ...keys, ...values);
      }
    });
  }

  /** Asks what time it is there. Called at the start and with each heartbeat. */
  async readClock(): Promise<void> {
    const sentMs = performance.now();
    const [seconds, micros] = await this.run((client) => client.time());
    const halfwayMs = performance.timeOrigin + (sentMs + performance.now()) / 2;
    this.#clockAheadMs = Number(seconds) * 1000 + Number(micros) / 1000 - halfwayMs;
  }

  close(): void {
    clearInterval(this.#heartbeat);
    this.client.disconnect();
  }

  async #beat(): Promise<void> {
    if (!this.isAvailable) return;
    try {
      await this.readClock();
    } catch {
      // The silence itself drops the connection; `close` tells of it.
    }
  }

  #cameBack(): void {
    void this.#beat();
    if (!this.#isAway) return;
    this.#isAway = false;
    this.logger.info({ address: this.link.address }, 'Redis is back');
  }

  #wentAway(error?: Error): void {
    if (this.#isAway || this.client.status === 'end') return;
    this.#isAway = true;
    this.logger.warn({ address: this.link.address, reason: reasonOf(error) }, 'Redis is away: trying until it is back');
  }
}
