import { UnavailableError } from '../../errors/sallyport.errors.js';
import { rememberSeconds, TokenReplayStore } from '../../tokens/token-replay.store.js';

/**
 * The most used tokens. A token is valid for at most an hour and kept 5 minutes longer, so this allows about 50 sockets
 * a second.
 */
const MAX_REMEMBERED = 200_000;
const SWEEP_EVERY_MS = 1_000;

/** Used tokens of one process. Drops each 5 minutes after it expires; refuses tokens when it is full. */
export class MemoryTokenReplayStore extends TokenReplayStore {
  readonly #used = new Map<string, number>();
  #sweptAtMs = 0;

  override claim(tokenId: string, expiresAtSeconds: number): Promise<boolean> {
    this.#forgetExpired();
    if (this.#used.has(tokenId)) return Promise.resolve(false);
    if (this.#used.size >= MAX_REMEMBERED) return Promise.reject(new UnavailableError());
    this.#used.set(tokenId, performance.now() + rememberSeconds(expiresAtSeconds) * 1000);
    return Promise.resolve(true);
  }

  #forgetExpired(): void {
    const nowMs = performance.now();
    if (nowMs - this.#sweptAtMs < SWEEP_EVERY_MS) return;
    this.#sweptAtMs = nowMs;
    for (const [tokenId, untilMs] of this.#used) if (untilMs <= nowMs) this.#used.delete(tokenId);
  }
}
