import { UnavailableError } from '../../errors/sallyport.errors.js';
import { UsedTokens } from './used-tokens.js';

/** A token an hour old is gone; this many in an hour is some 55 sockets a second. */
const MAX_REMEMBERED = 200_000;
const SWEEP_EVERY_MS = 1_000;

/** Used tokens of one process. Forgets each when it expires; refuses when it can remember no more. */
export class MemoryUsedTokens extends UsedTokens {
  readonly #used = new Map<string, number>();
  #sweptAtMs = 0;

  override claim(tokenId: string, expiresAtSeconds: number): Promise<boolean> {
    this.#forgetExpired();
    if (this.#used.has(tokenId)) return Promise.resolve(false);
    if (this.#used.size >= MAX_REMEMBERED) return Promise.reject(new UnavailableError());
    this.#used.set(tokenId, expiresAtSeconds * 1000);
    return Promise.resolve(true);
  }

  #forgetExpired(): void {
    const now = Date.now();
    if (now - this.#sweptAtMs < SWEEP_EVERY_MS) return;
    this.#sweptAtMs = now;
    for (const [tokenId, expiresAtMs] of this.#used) if (expiresAtMs <= now) this.#used.delete(tokenId);
  }
}
