import { isShown } from './platform.js';

/** Silence after which the server is asked whether it is there: while somebody looks at the page, and otherwise. */
const QUIET_SHOWN_MS = 5_000;
const QUIET_MS = 20_000;
const DOUBT_AFTER_MS = 2_000;
const ANSWER_WITHIN_MS = 5_000;

/** What a {@link Heartbeat} finds out. */
export interface HeartbeatListener {
  /** Called with true when an answer is late (2 s), and with false when it has come after all. */
  suspected(isSuspect: boolean): void;
  /** Called when no answer has come in 5 s: the connection is to be given up. */
  dead(): void;
}

/**
 * Finds out that a connection is dead although nobody closed it: the server hangs, the laptop slept, the network changed, a NAT forgot.
 *
 * A browser shows a page neither the server's WebSocket pings nor their absence, so a protocol Ping goes out when nothing was heard for
 * 5 s (20 s where nobody looks: a hidden tab, or Node), and at once when the page wakes. Events count as heard, so a busy connection
 * sends none. A timer that fires far too late has itself slept: then the question is put again instead.
 */
export class Heartbeat {
  #timer: ReturnType<typeof setTimeout> | undefined;
  #heardAt = performance.now();
  /** By the wall clock, which goes on while the laptop sleeps. */
  #askedAt: number | undefined;
  #isSuspect = false;

  constructor(
    private readonly ping: () => void,
    private readonly listener: HeartbeatListener,
  ) {
    this.#rest();
  }

  /** Anything came from the server. */
  alive(): void {
    this.#heardAt = performance.now();
    if (this.#askedAt === undefined) return;
    this.#askedAt = undefined;
    this.#rest();
    if (this.#isSuspect) this.listener.suspected((this.#isSuspect = false));
  }

  /** Asks now, unless a question is open. */
  check(): void {
    if (this.#askedAt === undefined) this.#ask();
  }

  /** The connection is over: no more pings. */
  stop(): void {
    clearTimeout(this.#timer);
  }

  #rest(): void {
    const quietMs = isShown() ? QUIET_SHOWN_MS : QUIET_MS;
    const leftMs = this.#heardAt + quietMs - performance.now();
    if (leftMs <= 0) this.#ask();
    else this.#after(leftMs, () => this.#rest());
  }

  #ask(): void {
    this.#askedAt = Date.now();
    this.ping();
    this.#after(DOUBT_AFTER_MS, () => {
      this.#after(ANSWER_WITHIN_MS - DOUBT_AFTER_MS, () => this.#judge());
      if (!this.#isSuspect) this.listener.suspected((this.#isSuspect = true));
    });
  }

  #judge(): void {
    const slept = this.#askedAt !== undefined && Date.now() - this.#askedAt > 2 * ANSWER_WITHIN_MS;
    if (slept) this.#ask();
    else this.listener.dead();
  }

  #after(ms: number, then: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(then, ms);
  }
}
