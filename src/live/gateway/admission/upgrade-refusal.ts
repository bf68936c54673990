/** `Retry-After` when the node is full or draining. */
export const LATER = { retryAfterSeconds: 5 } as const;

/** Why an upgrade is answered with plain HTTP instead of 101. */
export interface UpgradeRefusal {
  readonly status: 400 | 403 | 404 | 405 | 426 | 429 | 503;
  /** For the client and the log; never a value from the request. */
  readonly message: string;
  readonly retryAfterSeconds?: number;
}
