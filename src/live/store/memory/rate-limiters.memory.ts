import { type RateLimit, RateLimiters } from '../../rate-limit/rate-limiters.js';
import { RateLimiterMemory, type RateLimiterRes } from 'rate-limiter-flexible';

/**
 * The most counters, about 40 MB. If an attack creates more, the oldest are dropped; the per-address limits still
 * apply.
 */
const MAX_KEYS = 100_000;

/** A limiter in bounded memory: at the limit the key with the oldest first use is dropped. */
export class BoundedMemoryLimiter extends RateLimiterMemory {
  readonly #keys = new Set<string | number>();

  override consume(key: string | number, points?: number, options?: Record<string, unknown>): Promise<RateLimiterRes> {
    this.#note(key);
    return super.consume(key, points, options);
  }

  override penalty(key: string | number, points?: number, options?: Record<string, unknown>): Promise<RateLimiterRes> {
    this.#note(key);
    return super.penalty(key, points, options);
  }

  override reward(key: string | number, points?: number, options?: Record<string, unknown>): Promise<RateLimiterRes> {
    this.#note(key);
    return super.reward(key, points, options);
  }

  override set(key: string | number, points: number, seconds: number): Promise<RateLimiterRes> {
    this.#note(key);
    return super.set(key, points, seconds);
  }

  override delete(key: string | number): Promise<boolean> {
    this.#keys.delete(key);
    return super.delete(key);
  }

  #note(key: string | number): void {
    if (this.#keys.has(key)) return;
    this.#keys.add(key);
    if (this.#keys.size <= MAX_KEYS) return;
    const [oldest] = this.#keys;
    if (oldest !== undefined) void this.delete(oldest);
  }
}

/** Limits of this process only. */
export class MemoryRateLimiters extends RateLimiters {
  override make({ name, points, seconds }: RateLimit): BoundedMemoryLimiter {
    return new BoundedMemoryLimiter({ keyPrefix: `sallyport:throttle:${name}`, points, duration: seconds });
  }
}
