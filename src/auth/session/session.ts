import type { Account } from '../account/account.js';

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
export type Standing =
  | { readonly ok: true; /** The session's end if nobody uses it any more. */ readonly endsAt: Date }
  | { readonly ok: false; readonly reason: 'session-ended' | 'account-gone' };
