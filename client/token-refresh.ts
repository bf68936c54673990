/** The server closes a connection this long after its end: a renewal by then is in time, however near the end seems. */
const SHORTEST_MS = 5_000;
const UNTRUSTED_CLOCK_MS = 30_000;
const LONGEST_TIMER_MS = 60 * 60_000;
const SHARE_OF_LIFE = 0.75;
const JITTER = 0.1;

/** What is known of the local clock; shared by the connections of a client. */
export interface Clock {
  /** How far it is behind the server's, as far as the server has shown, in ms. */
  behindMs: number;
}

/**
 * Renews one connection before it expires: after 75 to 85 % of the remaining time it calls `renew`, which sends a Ping
 * with a new token.
 *
 * The expiry is a wall-clock time of the server. With a local clock that is ahead it would renew in a loop, so it waits
 * at least 5 s, and an expiry in the past means "in 30 s". Timers run for at most one hour and then check the clock
 * again, so that a laptop that slept renews when it wakes. With a local clock that is behind, a connection ends before
 * it is due; from then on the difference is taken into account.
 */
export class TokenRefresh {
  #timer: ReturnType<typeof setTimeout> | undefined;
  #dueAtMs: number | undefined;
  #endsAtMs = 0;

  constructor(
    private readonly renew: () => void,
    private readonly clock: Clock,
    private readonly random: () => number = Math.random,
  ) {}

  /**
   * The server sent the connection's expiry. Called for the ack and for each Pong with `expiresAt`; anything else is
   * ignored.
   */
  endsAt(expiresAt: unknown): void {
    const endsAtMs = typeof expiresAt === 'string' ? Date.parse(expiresAt) : Number.NaN;
    if (Number.isNaN(endsAtMs)) return;
    this.#endsAtMs = endsAtMs;
    const leftMs = endsAtMs - Date.now() - this.clock.behindMs;
    const share = SHARE_OF_LIFE + this.random() * JITTER;
    this.#dueAtMs = Date.now() + (leftMs > 0 ? Math.max(SHORTEST_MS, leftMs * share) : UNTRUSTED_CLOCK_MS);
    this.#arm();
  }

  /** Checks the clock now, because the page woke up. */
  check(): void {
    if (this.#dueAtMs !== undefined) this.#arm();
  }

  /** The connection has ended. @param hasExpired whether the server says that it was its time, or the token is bad */
  stop(hasExpired = false): void {
    if (hasExpired && this.#dueAtMs !== undefined) this.clock.behindMs = Math.max(0, this.#endsAtMs - Date.now());
    this.#dueAtMs = undefined;
    clearTimeout(this.#timer);
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const delayMs = (this.#dueAtMs ?? 0) - Date.now();
    this.#timer = setTimeout(
      () => (delayMs > LONGEST_TIMER_MS ? this.#arm() : this.#fire()),
      Math.min(delayMs, LONGEST_TIMER_MS),
    );
  }

  #fire(): void {
    this.#dueAtMs = undefined;
    this.renew();
  }
}
