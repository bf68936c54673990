import { Inject, Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import DataLoader from 'dataloader';
import type { Logger } from 'pino';
import { LOGGER } from '../logging/logger.js';
import { DeliveryGate } from '../topics/delivery-gate.js';
import type { ViewerId } from '../viewer/viewer.js';
import { SessionRevocations } from './session-revocations.js';
import { SessionStatus } from './session-status.js';

/**
 * The interval of checks: below the 30 s within which a node must detect a missed revocation, with time for the check
 * itself.
 */
const CHECK_EVERY_MS = 20_000;
const BATCH = 1_000;
/** The first delay before a failed check is retried while events wait, in milliseconds; it doubles each time. */
const FIRST_RETRY_MS = 250;
const MAX_RETRY_MS = 1_000;
/** How long events wait for a failing check before the unchecked sockets are closed, in milliseconds. */
const HOLD_MS = 10_000;

/** What the watch needs from the gateway. */
export interface OpenSessions {
  /** The public ids of the sessions that open sockets depend on. */
  ids(): Iterable<string>;
  /** The viewers of open sockets whose tokens can be revoked by viewer, each at least once. */
  viewers(): Iterable<ViewerId>;
  /** Called with sessions whose status is unknown, to close their sockets with "try again later". */
  unknown(sessionIds: readonly string[], viewers: readonly ViewerId[]): void;
}

/** What could not be checked. */
interface Unknown {
  readonly sessions: readonly string[];
  readonly viewers: readonly ViewerId[];
}

/** For the log. */
function countsOf({ sessions, viewers }: Unknown): { readonly sessions: number; readonly viewers: number } {
  return { sessions: sessions.length, viewers: viewers.length };
}

function isEmpty({ sessions, viewers }: Unknown): boolean {
  return sessions.length === 0 && viewers.length === 0;
}

const NONE: OpenSessions = { ids: () => [], viewers: () => [], unknown: () => {} };

/**
 * Checks whether the sessions that open sockets depend on are still valid, and whether tokens of other sockets were
 * revoked, so that a node detects revocations that it missed: every 20 s, and before anything is delivered after the
 * link to the store was lost or the process was paused. One query per 1,000 sessions, one after the other.
 */
@Injectable()
export class SessionWatch implements BeforeApplicationShutdown {
  #open = NONE;
  readonly #ends = new DataLoader<string, Date | null>(
    async (ids) => {
      const live = await this.status.of(ids);
      return ids.map((id) => live.get(id) ?? null);
    },
    { cache: false, maxBatchSize: BATCH },
  );
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;
  #wake: () => void = () => {};
  /** The running check; callers in the meantime share one more after it. */
  #checking: Promise<Unknown> | null = null;
  #again: Promise<Unknown> | null = null;

  constructor(
    private readonly status: SessionStatus,
    private readonly revocations: SessionRevocations,
    private readonly gate: DeliveryGate,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Starts watching. */
  begin(open: OpenSessions): void {
    this.#open = open;
    this.#timer = setInterval(() => void this.check(), CHECK_EVERY_MS).unref();
    this.gate.guard(() => this.#checkForDelivery());
  }

  /** Lets the running check finish while the database is still open. */
  async beforeApplicationShutdown(): Promise<void> {
    this.#isOver = true;
    clearInterval(this.#timer);
    this.#wake();
    await (this.#again ?? this.#checking);
  }

  /** Checks now; resolves when every currently open session was checked or could not be. Never throws. */
  async check(): Promise<void> {
    const unknown = await this.#ask();
    if (!isEmpty(unknown)) this.logger.warn(countsOf(unknown), 'open sessions could not be checked');
  }

  /** Resolves when no socket of a session that ended before the call is left. Never throws. */
  async #checkForDelivery(): Promise<void> {
    const givesUpAtMs = performance.now() + HOLD_MS;
    for (let waitMs = FIRST_RETRY_MS; !this.#isOver; waitMs = Math.min(2 * waitMs, MAX_RETRY_MS)) {
      const unknown = await this.#ask();
      if (isEmpty(unknown)) return;
      if (waitMs === FIRST_RETRY_MS)
        this.logger.warn(countsOf(unknown), 'open sessions could not be checked: events wait for it');
      if (performance.now() + waitMs > givesUpAtMs) {
        this.logger.warn(countsOf(unknown), 'open sessions could not be checked in time: closing their sockets');
        this.#open.unknown(unknown.sessions, unknown.viewers);
        return;
      }
      await this.#pause(waitMs);
    }
  }

  /** What could not be checked. Checks run one after the other; callers in the meantime share the next one. */
  #ask(): Promise<Unknown> {
    if (this.#checking) {
      return (this.#again ??= this.#checking.then(() => {
        this.#again = null;
        return this.#ask();
      }));
    }
    return (this.#checking = this.#askForAll().finally(() => (this.#checking = null)));
  }

  /**
   * Returns when a session ends; calls in one turn of the event loop share a query.
   *
   * @returns null when it has ended
   * @throws UnavailableError when the status is unknown
   */
  endOf(session: string): Promise<Date | null> {
    return this.#ends.load(session);
  }

  async #askForAll(): Promise<Unknown> {
    const sessions = await unchecked([...this.#open.ids()], async (batch) => {
      const alive = await this.status.of(batch);
      this.revocations.notifyHere(batch.filter((id) => !alive.has(id)));
    });
    const viewers = await unchecked([...new Set(this.#open.viewers())], async (batch) => {
      for (const revoked of await this.status.revoked(batch)) this.revocations.notifyViewerHere(revoked);
    });
    return { sessions, viewers };
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

/** Checks all in batches, one after the other, up to the first failure. Returns the unchecked ones. */
async function unchecked<T>(all: readonly T[], ask: (batch: readonly T[]) => Promise<void>): Promise<readonly T[]> {
  for (let from = 0; from < all.length; from += BATCH) {
    try {
      await ask(all.slice(from, from + BATCH));
    } catch {
      // The store reports its own outage.
      return all.slice(from);
    }
  }
  return [];
}
