import type { Backoff } from './backoff.js';

/**
 * Fetches one token for one connection.
 *
 * Resolve with the token, or with null if the user is not signed in (the client then stops, state `signedOut`). If it
 * rejects, hangs or resolves with anything else, it is called again after a back-off. Reject with a {@link
 * TokenUnavailableError} to set the delay.
 */
export type GetToken = (context: { readonly signal: AbortSignal }) => Promise<string | null>;

/**
 * No token is available at the moment; `retryAfterSeconds` sets the delay before the next attempt, 0 means the usual
 * back-off.
 */
export class TokenUnavailableError extends Error {
  override readonly name = 'TokenUnavailableError';

  constructor(
    message: string,
    readonly retryAfterSeconds = 0,
  ) {
    super(message);
  }
}

const ANSWER_WITHIN_MS = 15_000;

/** Calls `getToken` until it returns a result; `onError` with each error in between. */
export class TokenSource {
  constructor(
    private readonly getToken: GetToken,
    private readonly backoff: Backoff,
    private readonly onError?: (error: unknown) => void,
  ) {}

  /**
   * A token, or null if the user is not signed in. Never rejects: failures are retried.
   *
   * @returns undefined once `signal` is aborted or the back-off is stopped
   */
  async next(signal: AbortSignal): Promise<string | null | undefined> {
    while (!signal.aborted && !this.backoff.isStopped) {
      // A server's `Retry-After` holds for later connections too.
      const held = this.backoff.held(signal);
      if (held) {
        await held;
        continue;
      }
      try {
        return await this.#ask(signal);
      } catch (error) {
        if (signal.aborted) break;
        queueMicrotask(() => this.onError?.(error));
        await this.backoff.wait(error instanceof TokenUnavailableError ? error.retryAfterSeconds * 1000 : 0, signal);
      }
    }
    return undefined;
  }

  async #ask(signal: AbortSignal): Promise<string | null> {
    const controller = new AbortController();
    const giveUp = (): void => controller.abort();
    const timer = setTimeout(giveUp, ANSWER_WITHIN_MS);
    signal.addEventListener('abort', giveUp);
    try {
      const timeout = new Promise<never>((_, reject) => {
        controller.signal.addEventListener('abort', () => reject(new TokenUnavailableError('No token in time.')));
      });
      const answer: unknown = await Promise.race([this.getToken({ signal: controller.signal }), timeout]);
      if (answer === null || (typeof answer === 'string' && answer !== '')) return answer;
      throw new TokenUnavailableError('getToken gave neither token nor null.');
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
    }
  }
}
