import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { sql } from 'drizzle-orm';
import type { Logger } from 'pino';
import { Database } from '../../identity/database/database.js';
import { LOGGER } from '../../live/logging/logger.js';
import { STORE_ENGINE, type StoreEngine } from '../../live/store/store-engine.js';

const CLOCK = sql`select extract(epoch from clock_timestamp()) * 1000 as ms`;
const ASK_EVERY_MS = 60_000;
/**
 * The clock difference that causes a warning: tokens of one node would expire too early or too late on another. A token
 * may have been issued 5 s in the future; its expiry has no leeway.
 */
const WARN_FROM_MS = 5000;

/**
 * Compares this node's wall clock with those of the shared stores, and warns once if they differ. Deadlines do not
 * depend on it; the expiry of tokens and sessions does.
 */
@Injectable()
export class ClockSkew implements OnApplicationBootstrap, OnApplicationShutdown {
  #timer: NodeJS.Timeout | undefined;
  readonly #warned = new Set<string>();

  constructor(
    private readonly database: Database,
    @Inject(STORE_ENGINE) private readonly store: Pick<StoreEngine, 'connection'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  onApplicationBootstrap(): void {
    this.#timer = setInterval(() => void this.check(), ASK_EVERY_MS).unref();
    void this.check();
  }

  onApplicationShutdown(): void {
    clearInterval(this.#timer);
  }

  /** Asks every shared store for its time. Never throws: an unavailable store is reported elsewhere. */
  async check(): Promise<void> {
    const { connection } = this.store;
    if (connection?.isAvailable) this.note(connection.name, connection.nowMs - Date.now());
    try {
      const sentMs = Date.now();
      const answer = await this.database.run((orm) => orm.execute(CLOCK));
      const [row] = (answer as { readonly rows: readonly { readonly ms: string }[] }).rows;
      this.note('database', Number(row?.ms) - (sentMs + Date.now()) / 2);
    } catch {
      // Readiness and the log report it.
    }
  }

  /**
   * Warns once, and again only after the clocks have agreed in between. `aheadMs`: how far the store is ahead of this
   * node.
   */
  note(store: string, aheadMs: number): void {
    if (!(Math.abs(aheadMs) >= WARN_FROM_MS)) {
      this.#warned.delete(store);
      return;
    }
    if (this.#warned.has(store)) return;
    this.#warned.add(store);
    const seconds = Math.round(aheadMs / 1000);
    this.logger.warn({ store, seconds }, 'the clocks of this node and the store differ: synchronise them (NTP)');
  }
}
