import { tooManyText } from '../app/too-many-text.js';

const API = '/console/api';
/** As long as the app waits. */
const GIVE_UP_AFTER_MS = 15_000;
/** After this long without input, the page's requests no longer keep the session open. */
const AWAY_AFTER_MS = 60_000;

let inputAtMs = performance.now();
for (const event of ['pointerdown', 'keydown', 'wheel'])
  window.addEventListener(event, () => void (inputAtMs = performance.now()), { passive: true });

/** The server refused a request, or did not answer. */
export class AskError extends Error {
  /**
   * @param code an error code of the server; `NO_ANSWER` without an answer
   * @param field what was wrong, such as `name` or `payload.title`
   */
  constructor(
    readonly code: string,
    message: string,
    readonly field: string | null = null,
  ) {
    super(message);
  }
}

interface Refusal {
  readonly error?: {
    readonly code: string;
    readonly message: string;
    readonly field?: string;
    readonly retryAfterSeconds?: number;
  };
}

/**
 * Asks the server: by POST with a body, else by GET. An answer that takes longer than 15 s is none.
 *
 * @throws AskError
 */
export async function ask<T>(path: string, body?: unknown): Promise<T> {
  const isAway = performance.now() - inputAtMs > AWAY_AFTER_MS;
  const headers: Record<string, string> = isAway ? { 'sallyport-background': 'true' } : {};
  const post = { method: 'POST', body: JSON.stringify(body) };
  if (body !== undefined) headers['content-type'] = 'application/json';
  const request = {
    headers,
    credentials: 'same-origin',
    cache: 'no-store',
    ...(body === undefined ? {} : post),
  } as const;
  const patience = new AbortController();
  const giveUp = setTimeout(() => patience.abort(), GIVE_UP_AFTER_MS);
  let response: Response;
  let answer: unknown;
  try {
    response = await fetch(API + path, { ...request, signal: patience.signal });
    answer = await response.json();
  } catch {
    throw new AskError('NO_ANSWER', 'The server does not answer. Check the connection and try again.');
  } finally {
    clearTimeout(giveUp);
  }
  if (response.ok) return answer as T;
  const { error } = answer as Refusal;
  throw new AskError(error?.code ?? 'NO_ANSWER', wordsOf(error), error?.field ?? null);
}

function wordsOf(error: Refusal['error']): string {
  if (!error) return 'The server gave no answer that this page understands.';
  return error.code === 'TOO_MANY_REQUESTS' ? tooManyText(error.retryAfterSeconds) : error.message;
}

/** The words for an error of {@link ask}, or of anything else. */
export function messageOf(error: unknown): string {
  return error instanceof AskError ? error.message : 'That did not work. Try again.';
}
