import type { Logger } from 'pino';
import { UnavailableError } from '../errors/sallyport.errors.js';

const TICK_MS = 250;
/**
 * If timers did not run for this long, the process was paused (SIGSTOP, a suspended machine, a frozen container), in
 * milliseconds.
 */
const PAUSED_MS = 2_000;

/** A connection to other nodes that may be lost. */
export interface NodeLink {
  /** Adds hooks for when the link is lost and when it is restored; the returned function removes them. */
  listen(hooks: { lost(): void; restored(): void }): () => void;
}

/**
 * Stops delivery while this node may have missed the end of a session: from when its link to the store is lost, or it
 * detects that it was paused, until the sessions of its open sockets have been checked.
 *
 * Events that arrive in the meantime are not kept: they are in the topic's history and are read from there when the
 * gate opens.
 */
export class DeliveryGate {
  readonly #hooks = new Set<() => void>();
  readonly #stopListening: () => void;
  #ticker: NodeJS.Timeout | undefined;
  #check: () => Promise<void> = async () => {};
  #tickedAtMs = performance.now();
  #isOpen = true;
  #isLost = false;
  /** Increases each time the gate closes, so that an earlier check does not open it. */
  #closings = 0;
  readonly #waiting = new Set<() => void>();

  constructor(
    link: NodeLink | null,
    private readonly logger: Logger,
  ) {
    this.#stopListening =
      link?.listen({
        lost: () => {
          this.#isLost = true;
          this.#close();
        },
        restored: () => {
          this.#isLost = false;
          this.#close();
        },
      }) ?? (() => {});
  }

  /**
   * Sets the check that must pass before the gate opens, and starts to detect pauses of this process. Called once, when
   * sockets can open, so that a start that keeps the process busy for seconds does not count as a pause.
   *
   * @param check resolves when no open socket depends on a session that ended before the call; it must not reject
   */
  guard(check: () => Promise<void>): void {
    this.#check = check;
    this.#tickedAtMs = performance.now();
    this.#ticker = setInterval(() => this.#tick(), TICK_MS).unref();
  }

  /** Adds a hook, called each time the gate opens again, to deliver what was held back. */
  onOpened(hook: () => void): void {
    this.#hooks.add(hook);
  }

  /**
   * Whether an event may be delivered now. Called for each message, because the event loop handles messages before
   * timers: a pause is detected here, not only at the next tick.
   */
  get isOpen(): boolean {
    if (this.#ticker && performance.now() - this.#tickedAtMs > PAUSED_MS) this.#tick();
    return this.#isOpen;
  }

  /**
   * Resolves when the gate is open.
   *
   * @throws UnavailableError while the link to the store is lost, for an unknown time
   */
  async opened(): Promise<void> {
    while (!this.isOpen) {
      if (this.#isLost) throw new UnavailableError();
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  /** Stops its timer and everything that waits. */
  stop(): void {
    clearInterval(this.#ticker);
    this.#stopListening();
    this.#hooks.clear();
    this.#isLost = true;
    this.#wakeAll();
  }

  #tick(): void {
    const nowMs = performance.now();
    const pausedMs = nowMs - this.#tickedAtMs;
    this.#tickedAtMs = nowMs;
    if (pausedMs <= PAUSED_MS) return;
    const forMs = Math.round(pausedMs);
    this.logger.warn({ forMs }, 'this process was paused: open sessions are checked before anything is delivered');
    this.#close();
  }

  #close(): void {
    this.#closings++;
    this.#isOpen = false;
    if (this.#isLost) this.#wakeAll();
    else void this.#openAfterCheck(this.#closings);
  }

  async #openAfterCheck(closing: number): Promise<void> {
    await this.#check();
    if (closing !== this.#closings) return;
    this.#isOpen = true;
    this.#wakeAll();
    for (const hook of this.#hooks) hook();
  }

  /** Wakes waiting callers to check again. */
  #wakeAll(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}
