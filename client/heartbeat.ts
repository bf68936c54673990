const BEAT_MS = 20_000;
const ANSWER_WITHIN_MS = 5_000;

/**
 * Finds out that a connection is dead although nobody closed it: the laptop slept, the network changed, a NAT forgot.
 *
 * A browser shows a page neither the server's WebSocket pings nor their absence, so a protocol Ping goes out every 20 s, and at once
 * when the page wakes. Without an answer in 5 s the connection is given up. A timer that fires far too late has itself
 * slept: then the question is put again instead.
 */
export class Heartbeat {
  #timer: ReturnType<typeof setTimeout> | undefined;
  #askedAt: number | undefined;

  constructor(
    private readonly ping: () => void,
    private readonly onDead: () => void,
  ) {
    this.#rest();
  }

  /** Any answer from the server. */
  alive(): void {
    if (this.#askedAt !== undefined) this.#rest();
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
    this.#askedAt = undefined;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#ask(), BEAT_MS);
  }

  #ask(): void {
    clearTimeout(this.#timer);
    this.#askedAt = Date.now();
    this.ping();
    this.#timer = setTimeout(() => this.#judge(), ANSWER_WITHIN_MS);
  }

  #judge(): void {
    const slept = this.#askedAt !== undefined && Date.now() - this.#askedAt > 2 * ANSWER_WITHIN_MS;
    if (slept) this.#ask();
    else this.onDead();
  }
}
