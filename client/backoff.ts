import { isOnline } from './platform.js';

const BASE_MS = 500;
const CAP_MS = 30_000;
const MAX_RETRY_AFTER_MS = 10 * 60_000;
const AFTER_WAKE_MS = 300;

/**
 * Waits between attempts: exponential with full jitter, 0 to 0.5 s at first and 0 to 30 s at most, without end.
 *
 * A wait ends early when the page wakes, and does not end while the browser is offline. Shared by everything that
 * retries in one client, so that a failing token endpoint and a failing socket do not reset each other's delay.
 */
export class Backoff {
  #attempt = 0;
  #skipsNext = false;
  readonly #waiting = new Set<() => void>();
  #stopped = false;
  #notBeforeMs = 0;

  constructor(private readonly random: () => number = Math.random) {}

  /** The next delay in ms, never shorter than a server's `Retry-After`, of which at most 10 minutes count. */
  nextDelayMs(retryAfterMs = 0): number {
    const ceiling = Math.min(CAP_MS, BASE_MS * 2 ** this.#attempt);
    if (ceiling < CAP_MS) this.#attempt += 1;
    const jitter = this.random() * ceiling;
    return retryAfterMs > 0 ? Math.min(retryAfterMs, MAX_RETRY_AFTER_MS) + jitter : jitter;
  }

  /**
   * Waits once. Resolves early on {@link wake}, {@link stop} and when `signal` is aborted, but on a wake not before a
   * server's `Retry-After`. Never rejects.
   */
  async wait(retryAfterMs = 0, signal?: AbortSignal): Promise<void> {
    this.#notBeforeMs = Math.max(this.#notBeforeMs, performance.now() + Math.min(retryAfterMs, MAX_RETRY_AFTER_MS));
    if (this.#skipsNext && retryAfterMs === 0) this.#skipsNext = false;
    else await this.#pause(this.nextDelayMs(retryAfterMs), retryAfterMs === 0, signal);
    while (!isOnline() && !this.#stopped) {
      if (signal?.aborted) return;
      await this.#pause(CAP_MS, true, signal);
    }
  }

  /**
   * While a server's last `Retry-After` lasts, a promise that resolves when it has passed or `signal` is aborted; null
   * otherwise.
   */
  held(signal: AbortSignal): Promise<void> | null {
    const ms = this.#notBeforeMs - performance.now();
    return ms > 0 ? this.#pause(ms, false, signal) : null;
  }

  /** Ends the waits that may end early: the network is back, or the page is visible again. */
  wake(): void {
    for (const end of this.#waiting) end();
  }

  /** The last connection was stable: start from the shortest delay again. */
  reset(): void {
    this.#attempt = 0;
    this.#skipsNext = false;
  }

  /**
   * Another node takes over, and the restarting one has spread its closes: the next attempt is immediate, the one after
   * it has the shortest delay.
   */
  handedOver(): void {
    this.reset();
    this.#skipsNext = true;
  }

  /** Whether {@link stop} was called. */
  get isStopped(): boolean {
    return this.#stopped;
  }

  /** Ends every wait, now and later. */
  stop(): void {
    this.#stopped = true;
    this.wake();
  }

  #pause(ms: number, mayEndEarly: boolean, signal?: AbortSignal): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    return new Promise((resolve) => {
      const finish = (): void => {
        this.#waiting.delete(end);
        clearTimeout(timer);
        signal?.removeEventListener('abort', finish);
        resolve();
      };
      const end = (): void => {
        if (this.#stopped) return finish();
        if (!mayEndEarly) return;
        clearTimeout(timer);
        timer = setTimeout(finish, this.random() * AFTER_WAKE_MS);
        mayEndEarly = false;
      };
      let timer = setTimeout(finish, ms);
      this.#waiting.add(end);
      signal?.addEventListener('abort', finish);
    });
  }
}
