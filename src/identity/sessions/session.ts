import type { Account } from '../accounts/account.js';

/** A live session with the account it belongs to, as one query finds it. */
export interface LiveSession {
  /** The public id. */
  readonly id: string;
  readonly createdAt: Date;
  readonly lastSeenAt: Date;
  readonly account: Account;
}

/** What a socket's token claims to stand on. */
export interface SessionClaim {
  readonly sessionId: string;
  readonly userId: string;
}

/** Whether a claim holds now. */
export type ClaimStatus =
  | { readonly ok: true; /** When the session expires if it is not used again. */ readonly endsAt: Date }
  | { readonly ok: false; readonly reason: 'session-ended' | 'account-gone' };

/** A live session as its owner and operators see it. */
export interface ListedSession {
  readonly id: string;
  readonly createdAt: Date;
  readonly lastSeenAt: Date;
  /** When it expires if it is not used again. */
  readonly expiresAt: Date;
  readonly userAgent: string | null;
  readonly ip: string | null;
}
