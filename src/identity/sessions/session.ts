import type { Account } from '../accounts/account.js';

/** A valid session with its account, from one query. */
export interface LiveSession {
  /** The public id. */
  readonly id: string;
  readonly createdAt: Date;
  readonly lastSeenAt: Date;
  readonly account: Account;
}

/** The session and account that a socket's token names. */
export interface SessionClaim {
  readonly sessionId: string;
  readonly userId: string;
}

/** Whether a claim is valid now. */
export type ClaimStatus =
  | { readonly ok: true; /** When the session expires if it is not used again. */ readonly endsAt: Date }
  | { readonly ok: false; readonly reason: 'session-ended' | 'account-gone' };

/** An open session as its owner and operators see it. */
export interface ListedSession {
  readonly id: string;
  readonly createdAt: Date;
  readonly lastSeenAt: Date;
  /** The time at which it expires if it is not used again. */
  readonly expiresAt: Date;
  readonly userAgent: string | null;
  readonly ip: string | null;
}
