import { isShown } from './platform.js';

/** The silence after which a Ping is sent, in ms: on a visible page, and otherwise. */
const QUIET_SHOWN_MS = 5_000;
const QUIET_MS = 20_000;
const SUSPECT_AFTER_MS = 2_000;
const ANSWER_WITHIN_MS = 5_000;

/** The listener of a {@link Heartbeat}. */
export interface HeartbeatListener {
  /** Called with true when a Pong is late (2 s), and with false when it arrives after all. */
  suspected(isSuspect: boolean): void;
  /** Called when there is no Pong within 5 s: the connection must be abandoned. */
  dead(): void;
}

/**
 * Detects that a connection is dead although it was not closed: the server hangs, the laptop slept, the network
 * changed, a NAT entry expired.
 *
 * A browser does not show the server's WebSocket pings to a page, so a protocol Ping is sent after 5 s without a
 * message (20 s in a hidden tab and on Node), and at once when the page wakes. Events count as messages, so a busy
 * connection sends no Pings. If a timer fires far too late, the machine was asleep: the Ping is then repeated, once,
 * because a browser may run the timers of a hidden tab once a minute only.
 */
export class Heartbeat {
  #timer: ReturnType<typeof setTimeout> | undefined;
  #heardAtMs = performance.now();
  /** By the wall clock, which continues while the laptop sleeps. */
  #askedAtMs: number | undefined;
  #isSuspect = false;

  constructor(
    private readonly ping: () => void,
    private readonly listener: HeartbeatListener,
  ) {
    this.#rest();
  }

  /** Anything was received from the server. */
  alive(): void {
    this.#heardAtMs = performance.now();
    if (this.#askedAtMs === undefined) return;
    this.#askedAtMs = undefined;
    this.#rest();
    if (this.#isSuspect) this.listener.suspected((this.#isSuspect = false));
  }

  /** Sends a Ping now, unless one is pending. */
  check(): void {
    if (this.#askedAtMs === undefined) this.#ask();
  }

  /** The connection has ended: no more pings. */
  stop(): void {
    clearTimeout(this.#timer);
  }

  #rest(): void {
    const quietMs = isShown() ? QUIET_SHOWN_MS : QUIET_MS;
    const leftMs = this.#heardAtMs + quietMs - performance.now();
    if (leftMs <= 0) this.#ask();
    else this.#after(leftMs, () => this.#rest());
  }

  #ask(isRepeated = false): void {
    this.#askedAtMs = Date.now();
    this.ping();
    this.#after(SUSPECT_AFTER_MS, () => {
      this.#after(ANSWER_WITHIN_MS - SUSPECT_AFTER_MS, () => this.#judge(isRepeated));
      if (!this.#isSuspect) this.listener.suspected((this.#isSuspect = true));
    });
  }

  #judge(isRepeated: boolean): void {
    const slept = this.#askedAtMs !== undefined && Date.now() - this.#askedAtMs > 2 * ANSWER_WITHIN_MS;
    if (slept && !isRepeated) this.#ask(true);
    else this.listener.dead();
  }

  #after(ms: number, then: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(then, ms);
  }
}
