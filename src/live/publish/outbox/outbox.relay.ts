import type { Logger } from 'pino';
import { within } from '../../deadline.js';
import { UnavailableError } from '../../errors/sallyport.errors.js';
import { databaseFailure } from '../../store/postgres/postgres-failure.js';
import type { StoreHealth } from '../../store/store-health.js';
import { OpenRanges } from './open-ranges.js';
import type { Outbox, OutboxRead } from './outbox.js';
import type { OutboxMetrics } from './outbox.metrics.js';
import type { OutboxPublisher } from './outbox-publisher.js';

/** How often a node asks whether it is to become the active relay, in milliseconds. */
const FOLLOW_MS = 500;
/**
 * How often, in milliseconds, the active relay asks whether it still is: while another role holds the lock, every relay
 * is active.
 */
const CONFIRM_EVERY_MS = 5_000;
/** How often the active relay shows that it is alive, in milliseconds; `sallyport.lead_outbox` has the limit. */
const HEARTBEAT_MS = 500;
/** Waits after reads without an event, in milliseconds: doubled with each. */
const FIRST_PAUSE_MS = 2;
const AWAKE_PAUSE_MS = 16;
const ASLEEP_PAUSE_MS = 500;
/** How long the relay stays awake without an event, in milliseconds. */
const AWAKE_MS = 200;
/** How long after a failed attempt to stay awake the next one follows, in milliseconds. */
const AWAKE_RETRY_MS = 1_000;
/** Waits while the store is unavailable, and while the connection is lost, in milliseconds. */
const FIRST_RETRY_MS = 50;
const MAX_RETRY_MS = 1_000;
/** Events that were read longer ago than this are read again before they are published, in milliseconds. */
const STALE_MS = 10_000;
const BOUND_EVERY_MS = 1_000;
const MEASURE_EVERY_MS = 10_000;
const TIDY_EVERY_MS = 60_000;
const SWEEP_EVERY_MS = 60_000;
const FORGET_EVERY_MS = 250;
const RECORD_EVERY_MS = 5_000;
const LOG_EVERY_MS = 1_000;
/** How long a shutdown waits for the events in progress, in milliseconds. */
const STOP_MS = 8_000;

/** The parts of a relay. */
export interface RelayParts {
  /** Opens the outbox; `notified` is called for its notifications. */
  readonly open: (notified: () => void) => Promise<Outbox>;
  readonly publisher: OutboxPublisher;
  readonly metrics: OutboxMetrics;
  readonly health: StoreHealth;
  readonly logger: Logger;
}

/**
 * Passes events from the outbox to the bus, in the order of their commits. One node does so at a time; if several did,
 * each event would still be published once and in order. While the store is unavailable, events wait in PostgreSQL.
 */
export class OutboxRelay {
  #isStopped = false;
  #running: Promise<void> = Promise.resolve();
  /** Ends the present wait. */
  #wake = (): void => {};
  #wasNotified = false;
  #measuredAtMs = -Infinity;
  readonly #maintenance: Maintenance = { tidiedAtMs: -Infinity, sweptAtMs: -Infinity };
  #loggedAtMs = -Infinity;
  #unlogged = 0;
  /** Whether it has failed for a reason that is not the database's, and has not worked since. */
  #isBroken = false;

  constructor(private readonly parts: RelayParts) {}

  /** Called once, when all feeds are known. */
  start(): void {
    this.#running = this.#run();
  }

  /** Finishes the events in progress, for 8 seconds at most. Another node takes over at once. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#notified();
    await within(STOP_MS, this.#running, undefined);
  }

  async #run(): Promise<void> {
    let retryMs = FIRST_RETRY_MS;
    while (!this.#isStopped) {
      const startedAtMs = performance.now();
      await this.#serveOnce();
      if (performance.now() - startedAtMs > MAX_RETRY_MS) retryMs = FIRST_RETRY_MS;
      await this.#retryAfter(retryMs);
      retryMs = Math.min(2 * retryMs, MAX_RETRY_MS);
    }
  }

  /** Serves until the connection is lost, or could not be opened. Never throws. */
  async #serveOnce(): Promise<void> {
    let outbox: Outbox | null = null;
    try {
      outbox = await this.parts.open(() => this.#notified());
      await this.#serve(outbox);
    } catch (error) {
      this.#failed(error);
    }
    await outbox?.close();
  }

  #works(): void {
    this.#isBroken = false;
    this.parts.health.tookWrite();
  }

  #failed(error: unknown): void {
    if (this.#isStopped) return;
    const failure = databaseFailure(error);
    const isUnavailable = failure !== null || error instanceof UnavailableError;
    const reason = failure?.reason ?? (isUnavailable ? 'no answer' : 'error');
    const { health, logger } = this.parts;
    // Logged once until it works again, since it is tried every few seconds.
    if (!isUnavailable && !this.#isBroken)
      logger.error({ err: error }, 'the relay of the outbox failed: it starts again');
    this.#isBroken ||= !isUnavailable;
    health.failed(reason);
    if (failure?.kind === 'refused-write') health.refusedWrite(reason);
    else health.becameUnavailable(reason);
  }

  /** Follows until this node becomes the active one, and relays while it is, until the connection is lost. */
  async #serve(outbox: Outbox): Promise<void> {
    while (!this.#isStopped) {
      if (await outbox.lead()) await this.#serveAsActive(outbox);
      await this.#measure(outbox);
      this.#works();
      this.#wasNotified = false;
      await this.#waitForEvents(FOLLOW_MS);
    }
  }

  async #serveAsActive(outbox: Outbox): Promise<void> {
    // While the bus is slow, nothing else shows that this process is alive. A lost connection fails the next statement.
    const heartbeat = setInterval(() => void outbox.beat().catch(() => {}), HEARTBEAT_MS).unref();
    try {
      await this.#beActive(outbox);
    } finally {
      clearInterval(heartbeat);
    }
  }

  async #beActive(outbox: Outbox): Promise<void> {
    const first = await outbox.first();
    // A write, before any event: where none is possible, an event would be published again after each try.
    await outbox.recordFirst(first);
    const active = new ActiveRelay(outbox, this.#maintenance, first);
    while (!this.#isStopped && (await active.lasts())) {
      this.#wasNotified = false;
      const readAtMs = performance.now();
      const found = await outbox.read(active.ranges);
      const isDone = found.rows.length === 0 || (await this.#pass(outbox, found, active, readAtMs));
      if (found.rows.length === 0) active.foundNothing(found);
      await active.maintain();
      await this.#measure(outbox);
      this.#works();
      if (isDone) await this.#waitForEvents(await active.nextPause(found.rows.length));
      else await this.#retryAfter(active.nextRetry());
    }
    await active.end();
  }

  /** Publishes what a read has found. False when some of it must be tried again. */
  async #pass(outbox: Outbox, found: OutboxRead, active: ActiveRelay, readAtMs: number): Promise<boolean> {
    const { publisher, metrics } = this.parts;
    // This process was paused meanwhile: another one may have published them.
    if (performance.now() - readAtMs > STALE_MS) return false;
    const batch = await publisher.publish(found.rows).catch((error: unknown) => this.#notPublished(error));
    if (batch === null) return false;
    const { done, duplicates, refused, isComplete } = batch;
    metrics.count('published', done.length - duplicates);
    metrics.count('duplicate', duplicates);
    const published = publisher.removesRows ? [] : done;
    if (published.length > 0 || refused.length > 0) {
      metrics.count('rejected', await outbox.settle({ published, refused, commits: [] }));
      this.#logRejected(found, refused);
    }
    if (isComplete) active.handled(found);
    return isComplete;
  }

  /** An unavailable store reports that itself. */
  #notPublished(error: unknown): null {
    if (!(error instanceof UnavailableError))
      this.parts.logger.error({ err: error }, 'events of the outbox could not be published: trying again');
    return null;
  }

  /** One line a second, without payloads: a mistake of a publisher often concerns all of its events. */
  #logRejected({ rows }: OutboxRead, refused: readonly { readonly id: string; readonly reason: string }[]): void {
    this.#unlogged += refused.length;
    const [first] = refused;
    if (!first || performance.now() - this.#loggedAtMs < LOG_EVERY_MS) return;
    const topic = rows.find(({ id }) => id === first.id)?.topic.slice(0, 100);
    const facts = { rejected: this.#unlogged, event: first.id, topic, reason: first.reason };
    this.parts.logger.warn(facts, 'events published by SQL were rejected: see sallyport.rejected_event');
    this.#loggedAtMs = performance.now();
    this.#unlogged = 0;
  }

  async #measure(outbox: Outbox): Promise<void> {
    if (performance.now() - this.#measuredAtMs < MEASURE_EVERY_MS) return;
    // Before the answer: a count that fails, such as one of very many events, must not be repeated after each batch.
    this.#measuredAtMs = performance.now();
    const waiting = await outbox.countWaiting();
    if (waiting) this.parts.metrics.show(waiting);
  }

  #notified(): void {
    this.#wasNotified = true;
    this.#wake();
  }

  /** Waits until a notification or a shutdown, at most this long. Not if there was a notification already. */
  async #waitForEvents(ms: number): Promise<void> {
    if (ms > 0 && !this.#wasNotified) await this.#sleep(ms, () => true);
  }

  /** Waits this long, or until a shutdown. Not ended by a notification: the end of a connection is one. */
  #retryAfter(ms: number): Promise<void> {
    return this.#sleep(ms, () => this.#isStopped);
  }

  async #sleep(ms: number, mayWake: () => boolean): Promise<void> {
    if (this.#isStopped) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        if (!mayWake()) return;
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = () => {};
  }
}

/** When maintenance was last done, on the monotonic clock. Kept over reconnects, because maintenance may break one. */
interface Maintenance {
  tidiedAtMs: number;
  sweptAtMs: number;
}

/** What the active relay keeps as long as its connection lasts. */
class ActiveRelay {
  readonly ranges: OpenRanges;
  #isAwake = false;
  #triedAwakeAtMs = -Infinity;
  #lastEventAtMs = performance.now();
  #pauseMs = 0;
  #retryMs = FIRST_RETRY_MS;
  #finished: number[] = [];
  #forgotAtMs = performance.now();
  #boundAtMs = performance.now();
  #recordedAtMs = performance.now();
  #confirmedAtMs = performance.now();

  /** @param recorded the number of a commit that an earlier relay has recorded */
  constructor(
    private readonly outbox: Outbox,
    private readonly maintenance: Maintenance,
    private recorded: number,
  ) {
    this.ranges = new OpenRanges(recorded);
  }

  handled({ rows, isCut, horizon }: OutboxRead): void {
    this.#finished.push(...this.ranges.handled(rows, isCut));
    if (!isCut) this.ranges.giveUp(horizon);
    this.#lastEventAtMs = performance.now();
    this.#retryMs = FIRST_RETRY_MS;
  }

  foundNothing({ horizon }: OutboxRead): void {
    this.#finished.push(...this.ranges.handled([], false));
    this.ranges.giveUp(horizon);
  }

  /** How long to wait before the next try while the store is unavailable, in milliseconds. */
  nextRetry(): number {
    const retryMs = this.#retryMs;
    this.#retryMs = Math.min(2 * retryMs, MAX_RETRY_MS);
    return retryMs;
  }

  /** How long to wait before the next read, in milliseconds; 0 after events. Goes to sleep after a while without any. */
  async nextPause(events: number): Promise<number> {
    if (events > 0) {
      this.#pauseMs = 0;
      await this.#stayAwake();
      return 0;
    }
    if (this.#isAwake && performance.now() - this.#lastEventAtMs > AWAKE_MS) {
      this.#isAwake = false;
      await this.outbox.goToSleep();
      // A commit that has found the relay awake becomes visible only now.
      this.#pauseMs = 0;
    }
    const longest = this.#isAwake ? AWAKE_PAUSE_MS : ASLEEP_PAUSE_MS;
    this.#pauseMs = Math.min(Math.max(2 * this.#pauseMs, FIRST_PAUSE_MS), longest);
    return this.#pauseMs;
  }

  /** Does the periodic maintenance that is due. */
  async maintain(): Promise<void> {
    const nowMs = performance.now();
    if (nowMs - this.#forgotAtMs > FORGET_EVERY_MS) await this.forget();
    if (nowMs - this.#boundAtMs > BOUND_EVERY_MS) {
      this.#boundAtMs = nowMs;
      if (this.ranges.hasUnbounded) this.ranges.bound(await this.outbox.newTransactionId());
    }
    if (nowMs - this.#recordedAtMs > RECORD_EVERY_MS) await this.record();
    if (nowMs - this.maintenance.sweptAtMs > SWEEP_EVERY_MS) {
      this.maintenance.sweptAtMs = nowMs;
      await this.outbox.sweepRejected();
    }
    if (nowMs - this.maintenance.tidiedAtMs > TIDY_EVERY_MS && nowMs - this.#lastEventAtMs > AWAKE_MS) {
      this.maintenance.tidiedAtMs = nowMs;
      await this.outbox.tidy();
    }
  }

  /** Whether this relay is still active. */
  async lasts(): Promise<boolean> {
    const nowMs = performance.now();
    if (nowMs - this.#confirmedAtMs < CONFIRM_EVERY_MS) return true;
    this.#confirmedAtMs = nowMs;
    return this.outbox.lead();
  }

  /** Leaves everything as the next relay needs it. */
  async end(): Promise<void> {
    await this.forget();
    await this.record();
    if (this.#isAwake) await this.outbox.goToSleep();
  }

  /** Removes the numbers of finished commits, many at once. */
  async forget(): Promise<void> {
    this.#forgotAtMs = performance.now();
    if (this.#finished.length === 0) return;
    await this.outbox.settle({ published: [], refused: [], commits: this.#finished });
    this.#finished = [];
  }

  /** Records from which commit on the next relay must look. */
  async record(): Promise<void> {
    this.#recordedAtMs = performance.now();
    const { first } = this.ranges;
    if (first === this.recorded) return;
    await this.outbox.recordFirst(first);
    this.recorded = first;
  }

  async #stayAwake(): Promise<void> {
    if (this.#isAwake || performance.now() - this.#triedAwakeAtMs < AWAKE_RETRY_MS) return;
    this.#isAwake = await this.outbox.stayAwake();
    this.#triedAwakeAtMs = this.#isAwake ? -Infinity : performance.now();
  }
}
