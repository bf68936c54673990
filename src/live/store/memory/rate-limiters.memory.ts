import { RateLimiterCompatibleAbstract, RateLimiterRes } from 'rate-limiter-flexible';
import { type RateLimit, type RateLimiter, RateLimiters } from '../../rate-limit/rate-limiters.js';

/**
 * The most counters, about 40 MB. If an attack creates more, the oldest are dropped; the per-address limits still
 * apply.
 */
const MAX_KEYS = 100_000;

/** What a key has used of its window. */
export interface WindowCount {
  readonly used: number;
  /** How long the window lasts from now, in ms. */
  readonly leftMs: number;
}

/** A limiter in bounded memory, on the monotonic clock: at the limit the key with the oldest window is dropped. */
export class BoundedMemoryLimiter extends RateLimiterCompatibleAbstract implements RateLimiter {
  override readonly keyPrefix: string;
  // Required by the limiters of which this one is the insurance.
  override blockDuration = 0;
  override execEvenly = false;
  protected readonly windowMs: number;
  readonly #points: number;
  /** In the order in which they end, since all are equally long. */
  readonly #windows = new Map<string, { used: number; readonly endsAtMs: number }>();

  constructor({ name, points, seconds }: RateLimit) {
    super();
    this.keyPrefix = `sallyport:throttle:${name}`;
    this.windowMs = seconds * 1000;
    this.#points = points;
  }

  override async consume(key: string | number, points = 1): Promise<RateLimiterRes> {
    const result = await this.penalty(key, points);
    return result.consumedPoints > this.#points ? Promise.reject(result) : result;
  }

  override async penalty(key: string | number, points = 1): Promise<RateLimiterRes> {
    const { used, leftMs } = await this.count(`${this.keyPrefix}:${key}`, points);
    return new RateLimiterRes(Math.max(0, this.#points - used), leftMs, used);
  }

  override reward(key: string | number, points = 1): Promise<RateLimiterRes> {
    return this.penalty(key, -points);
  }

  /** Adds to what a key has used, in a new window if the last one is over. */
  protected count(key: string, points: number): WindowCount | Promise<WindowCount> {
    const nowMs = performance.now();
    let window = this.#windows.get(key);
    if (!window || window.endsAtMs <= nowMs) {
      this.#windows.delete(key);
      this.#makeRoom(nowMs);
      window = { used: 0, endsAtMs: nowMs + this.windowMs };
      this.#windows.set(key, window);
    }
    window.used += points;
    return { used: window.used, leftMs: window.endsAtMs - nowMs };
  }

  #makeRoom(nowMs: number): void {
    for (const [key, { endsAtMs }] of this.#windows) {
      if (endsAtMs > nowMs && this.#windows.size < MAX_KEYS) return;
      this.#windows.delete(key);
    }
  }
}

/** Limits of this process only. */
export class MemoryRateLimiters extends RateLimiters {
  override make(limit: RateLimit): RateLimiter {
    return new BoundedMemoryLimiter(limit);
  }
}
