import type { Logger } from 'pino';
import { UnavailableError } from '../errors/sallyport.errors.js';

const TICK_MS = 250;
/** A process whose timers did not run for so long stood still (SIGSTOP, a suspended machine, a frozen container), in milliseconds. */
const STOOD_STILL_MS = 2_000;

/** A link to other nodes that may be lost. */
export interface NodeLink {
  /** Adds hooks for when the link is lost and when it stands again; the returned function removes them. */
  listen(hooks: { lost(): void; restored(): void }): () => void;
}

/** Called when the gate opens again: what was held back is to be delivered now. */
export type GateOpenedHook = () => void;

/**
 * Nothing is delivered while this node may have missed that a session has ended: from the moment its link to Redis is lost, or
 * it finds that it stood still, until whoever keeps the sessions has checked those of its open sockets.
 *
 * What arrives meanwhile is not kept: it is in the topic's history, and read from there when the gate opens.
 */
export class DeliveryGate {
  readonly #hooks = new Set<GateOpenedHook>();
  readonly #stopListening: () => void;
  #ticker: NodeJS.Timeout | undefined;
  #check: () => Promise<void> = async () => {};
  #tickedAtMs = performance.now();
  #isOpen = true;
  #isLost = false;
  /** Rises each time the gate closes: a check that began earlier opens nothing. */
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
   * Sets what must be done before the gate opens, and begins to notice when this process stands still. Called once, when
   * sockets can open: a start that keeps the process busy for seconds holds nothing back.
   *
   * @param check resolves when no open socket stands on a session that ended before the call; it must not reject
   */
  guard(check: () => Promise<void>): void {
    this.#check = check;
    this.#tickedAtMs = performance.now();
    this.#ticker = setInterval(() => this.#tick(), TICK_MS).unref();
  }

  /** Adds a hook for when the gate opens; the returned function removes it. */
  onOpened(hook: GateOpenedHook): () => void {
    this.#hooks.add(hook);
    return () => void this.#hooks.delete(hook);
  }

  /**
   * Whether an event may be delivered now. Asked for each message, which the loop hands over before it runs a timer: a process
   * that stood still finds out here and not at its next tick.
   */
  get isOpen(): boolean {
    if (this.#ticker && performance.now() - this.#tickedAtMs > STOOD_STILL_MS) this.#tick();
    return this.#isOpen;
  }

  /**
   * Resolves when the gate is open.
   *
   * @throws UnavailableError while the link to Redis is lost: nobody can tell for how long
   */
  async opened(): Promise<void> {
    while (!this.isOpen) {
      if (this.#isLost) throw new UnavailableError();
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  /** Ends its timer, and whatever waits. */
  stop(): void {
    clearInterval(this.#ticker);
    this.#stopListening();
    this.#hooks.clear();
    this.#isLost = true;
    this.#letGo();
  }

  #tick(): void {
    const nowMs = performance.now();
    const stoodStillMs = nowMs - this.#tickedAtMs;
    this.#tickedAtMs = nowMs;
    if (stoodStillMs <= STOOD_STILL_MS) return;
    const forMs = Math.round(stoodStillMs);
    this.logger.warn({ forMs }, 'this process stood still: open sessions are checked before anything is delivered');
    this.#close();
  }

  #close(): void {
    this.#closings++;
    this.#isOpen = false;
    if (this.#isLost) this.#letGo();
    else void this.#openAfterCheck(this.#closings);
  }

  async #openAfterCheck(closing: number): Promise<void> {
    await this.#check();
    if (closing !== this.#closings) return;
    this.#isOpen = true;
    this.#letGo();
    for (const hook of this.#hooks) hook();
  }

  /** Wakes those who wait, to look again. */
  #letGo(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}
