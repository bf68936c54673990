import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import type { Logger } from 'pino';
import { LOGGER } from '../../logging/logger.js';
import { RedisSubscriber } from '../../redis/redis.subscriber.js';
import { SessionEndings } from './session-endings.js';
import { SessionStore } from './session.store.js';

/** Below the 30 s within which a node that could not hear must find out, with time for the check itself. */
const CHECK_EVERY_MS = 20_000;
const BATCH = 1_000;

/**
 * Asks the database whether the sessions that open sockets stand on are still there, so that a node which could not
 * hear an ending finds out: every 20 s, and at once when Redis is back. One query for 1,000 sessions, one after the other.
 */
@Injectable()
export class SessionWatch implements BeforeApplicationShutdown {
  #openSessions: () => Iterable<string> = () => [];
  #timer: NodeJS.Timeout | undefined;
  #stopListening: () => void = () => {};
  /** The check under way; whoever asks meanwhile gets one more after it. */
  #checking: Promise<void> | null = null;
  #again = false;

  constructor(
    private readonly store: SessionStore,
    private readonly endings: SessionEndings,
    @Inject(RedisSubscriber) private readonly subscriber: RedisSubscriber | null,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Starts watching. @param openSessions the public ids that this node's sockets stand on, asked at each check */
  begin(openSessions: () => Iterable<string>): void {
    this.#openSessions = openSessions;
    this.#timer = setInterval(() => void this.check(), CHECK_EVERY_MS).unref();
    this.#stopListening = this.subscriber?.onReconnected(() => void this.check()) ?? (() => {});
  }

  /** Lets the check under way finish while the database is still open. */
  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.#timer);
    this.#stopListening();
    await this.#checking;
  }

  /** Checks now; resolves when every session that is open at this moment has been asked for. Never throws. */
  check(): Promise<void> {
    if (this.#checking) this.#again = true;
    return (this.#checking ??= this.#checkAll().then(() => {
      this.#checking = null;
      if (!this.#again) return undefined;
      this.#again = false;
      return this.check();
    }));
  }

  async #checkAll(): Promise<void> {
    const open = [...this.#openSessions()];
    try {
      for (let from = 0; from < open.length; from += BATCH) {
        const batch = open.slice(from, from + BATCH);
        const alive = await this.store.alive(batch);
        this.endings.tellHere(batch.filter((id) => !alive.has(id)));
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'unknown';
      this.logger.warn({ reason, sessions: open.length }, 'open sessions could not be checked: trying again in 20 s');
    }
  }
}
