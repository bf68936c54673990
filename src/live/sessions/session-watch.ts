import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import DataLoader from 'dataloader';
import type { Logger } from 'pino';
import { LOGGER } from '../logging/logger.js';
import { DeliveryGate } from '../topics/delivery-gate.js';
import { SessionRevocations } from './session-revocations.js';
import { Sessions } from './sessions.js';

/** Below the 30 s within which a node that could not hear must find out, with time for the check itself. */
const CHECK_EVERY_MS = 20_000;
const BATCH = 1_000;
/** How soon a check that failed is tried again while events wait for it, in milliseconds: twice as long each time. */
const FIRST_RETRY_MS = 250;
const MAX_RETRY_MS = 1_000;
/** How long events wait for a check that fails; then the sockets that could not be checked are closed, in milliseconds. */
const HOLD_MS = 10_000;

/** What the watch needs of those who hold sockets. */
export interface OpenSessions {
  /** The public ids of the sessions that open sockets stand on. */
  ids(): Iterable<string>;
  /** Called with sessions that nobody can tell about: their sockets are to be closed with "try again later". */
  unknown(sessionIds: readonly string[]): void;
}

const NONE: OpenSessions = { ids: () => [], unknown: () => {} };

/**
 * Asks whether the sessions that open sockets stand on are still there, so that a node which could not
 * hear an ending finds out: every 20 s, and before anything is delivered when the link to Redis is back or the process stood
 * still. One query for 1,000 sessions, one after the other.
 */
@Injectable()
export class SessionWatch implements BeforeApplicationShutdown {
  #open = NONE;
  readonly #ends = new DataLoader<string, Date | null>(
    async (ids) => {
      const live = await this.sessions.status(ids);
      return ids.map((id) => live.get(id) ?? null);
    },
    { cache: false, maxBatchSize: BATCH },
  );
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;
  #wake: () => void = () => {};
  /** The check under way; whoever asks meanwhile gets one more after it. */
  #checking: Promise<readonly string[]> | null = null;
  #again: Promise<readonly string[]> | null = null;

  constructor(
    private readonly sessions: Sessions,
    private readonly endings: SessionRevocations,
    private readonly gate: DeliveryGate,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Starts watching. */
  begin(open: OpenSessions): void {
    this.#open = open;
    this.#timer = setInterval(() => void this.check(), CHECK_EVERY_MS).unref();
    this.gate.guard(() => this.#checkForDelivery());
  }

  /** Lets the check under way finish while the database is still open. */
  async beforeApplicationShutdown(): Promise<void> {
    this.#isOver = true;
    clearInterval(this.#timer);
    this.#wake();
    await (this.#again ?? this.#checking);
  }

  /** Checks now; resolves when every session that is open at this moment has been asked for, or could not be. Never throws. */
  async check(): Promise<void> {
    const unknown = await this.#ask();
    if (unknown.length > 0) this.logger.warn({ sessions: unknown.length }, 'open sessions could not be checked');
  }

  /** Resolves when no socket is left whose session ended before the call. Never throws. */
  async #checkForDelivery(): Promise<void> {
    const givesUpAtMs = performance.now() + HOLD_MS;
    for (let waitMs = FIRST_RETRY_MS; !this.#isOver; waitMs = Math.min(2 * waitMs, MAX_RETRY_MS)) {
      const unknown = await this.#ask();
      if (unknown.length === 0) return;
      if (waitMs === FIRST_RETRY_MS)
        this.logger.warn({ sessions: unknown.length }, 'open sessions could not be checked: events wait for it');
      if (performance.now() + waitMs > givesUpAtMs) {
        this.logger.warn(
          { sessions: unknown.length },
          'open sessions could not be checked in time: closing their sockets',
        );
        this.#open.unknown(unknown);
        return;
      }
      await this.#pause(waitMs);
    }
  }

  /** The open sessions that could not be asked for. One question after the other; those who ask meanwhile share the next one. */
  #ask(): Promise<readonly string[]> {
    if (this.#checking) {
      return (this.#again ??= this.#checking.then(() => {
        this.#again = null;
        return this.#ask();
      }));
    }
    return (this.#checking = this.#askAll().finally(() => (this.#checking = null)));
  }

  /**
   * Asks when a session ends; many that ask in one turn share a look-up.
   *
   * @returns null when it has ended
   * @throws UnavailableError when nobody can tell
   */
  endOf(session: string): Promise<Date | null> {
    return this.#ends.load(session);
  }

  async #askAll(): Promise<readonly string[]> {
    const open = [...this.#open.ids()];
    for (let from = 0; from < open.length; from += BATCH) {
      const batch = open.slice(from, from + BATCH);
      try {
        const alive = await this.sessions.status(batch);
        this.endings.tellHere(batch.filter((id) => !alive.has(id)));
      } catch {
        // Whatever keeps the sessions tells of its own outage.
        return open.slice(from);
      }
    }
    return [];
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
