import { UnavailableError } from '../../errors/sallyport.errors.js';
import { TokenReplayStore } from '../../tokens/token-replay.store.js';

/** A token lives an hour at the most and is remembered 5 minutes more; this many in that time is some 50 sockets a second. */
const MAX_REMEMBERED = 200_000;
const SWEEP_EVERY_MS = 1_000;
/** A clock that is set back lets a token live longer than it was going to when it was used. */
const CLOCK_STEP_MS = 5 * 60_000;

/** Used tokens of one process. Forgets each 5 minutes after it expires; refuses when it can remember no more. */
export class MemoryTokenReplayStore extends TokenReplayStore {
  readonly #used = new Map<string, number>();
  #sweptAtMs = 0;

  override claim(tokenId: string, expiresAtSeconds: number): Promise<boolean> {
    this.#forgetExpired();
    if (this.#used.has(tokenId)) return Promise.resolve(false);
    if (this.#used.size >= MAX_REMEMBERED) return Promise.reject(new UnavailableError());
    this.#used.set(tokenId, performance.now() + expiresAtSeconds * 1000 - Date.now() + CLOCK_STEP_MS);
    return Promise.resolve(true);
  }

  #forgetExpired(): void {
    const now = performance.now();
    if (now - this.#sweptAtMs < SWEEP_EVERY_MS) return;
    this.#sweptAtMs = now;
    for (const [tokenId, untilMs] of this.#used) if (untilMs <= now) this.#used.delete(tokenId);
  }
}
