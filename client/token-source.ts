import type { Backoff } from './backoff.js';

/**
 * Fetches one token for one connection.
 *
 * Resolve with the token; with null when nobody is signed in (the client then stops, state `signedOut`);
 * reject, hang or resolve with anything else and it is asked again after a back-off.
 * Reject with a {@link TokenUnavailableError} to say when.
 */
export type GetToken = (context: { readonly signal: AbortSignal }) => Promise<string | null>;

/** There is no token at the moment; `retryAfterSeconds` says when to ask again, 0 leaves it to the back-off. */
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

/** Asks `getToken` until it answers. */
export class TokenSource {
  constructor(
    private readonly getToken: GetToken,
    private readonly backoff: Backoff,
  ) {}

  /**
   * A token, or null when nobody is signed in. Never rejects: failures are waited out.
   *
   * @returns undefined once `signal` is aborted
   */
  async next(signal: AbortSignal): Promise<string | null | undefined> {
    while (!signal.aborted) {
      try {
        return await this.#ask(signal);
      } catch (error) {
        if (signal.aborted) break;
        await this.backoff.wait(error instanceof TokenUnavailableError ? error.retryAfterSeconds * 1000 : 0);
      }
    }
    return undefined;
  }

  async #ask(signal: AbortSignal): Promise<string | null> {
    const patience = new AbortController();
    const giveUp = (): void => patience.abort();
    const timer = setTimeout(giveUp, ANSWER_WITHIN_MS);
    signal.addEventListener('abort', giveUp);
    try {
      const silence = new Promise<never>((_, reject) => {
        patience.signal.addEventListener('abort', () => reject(new TokenUnavailableError('No token came in time.')));
      });
      const answer: unknown = await Promise.race([this.getToken({ signal: patience.signal }), silence]);
      if (answer === null || (typeof answer === 'string' && answer !== '')) return answer;
      throw new TokenUnavailableError('getToken resolved with neither a token nor null.');
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', giveUp);
    }
  }
}
