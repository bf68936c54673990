import { hash } from 'node:crypto';

/** Wrong guesses in a row without a wait. */
export const FREE_GUESSES = 4;
const LONGEST_WAIT_MS = 15 * 60_000;
/** The count is reset after this time without a guess. */
export const REMEMBER_MS = 24 * 60 * 60_000;
/** How many networks at a time can hold a reserved attempt, for each subject. */
export const MAX_RESERVATIONS = 3;
/** A reservation expires after this time. */
export const RESERVATION_MS = LONGEST_WAIT_MS;
/** The counter's maximum size: number of buckets and subjects per bucket, at most about 10 MB. */
export const BUCKETS = 1_024;
export const BUCKET_SIZE = 64;

/** Whether a guess may be verified: its number in a row, or how long to wait. */
export type GuessVerdict =
  { readonly ok: true; readonly count: number } | { readonly ok: false; readonly waitMs: number };

/**
 * Counts password guesses before they are verified. From the fifth wrong one in a row a subject accepts no guess for 1,
 * 2, 4 … 900 s, and then one guess.
 *
 * A refused network gets a reserved attempt at the time in the answer, three networks at a time. So an attacker in
 * another network cannot lock out an owner on a new device for longer than the longest wait.
 *
 * The number of subjects is bounded: a full bucket drops the subject with the fewest wrong guesses, among these the
 * oldest. The contract suite test/contract/guess-counter.contract.ts tests each implementation.
 */
export abstract class GuessCounter {
  /**
   * Counts a guess, or refuses it without counting.
   *
   * @param subject the target: an account, existing or not; stored as a hash only
   * @param network where the guess comes from
   */
  abstract reserve(subject: string, network: string): Promise<GuessVerdict>;

  /** The guess was wrong: its wait starts now, after verification. */
  abstract wrong(subject: string, count: number): Promise<void>;

  /** The guess was correct: resets the count. */
  abstract right(subject: string): Promise<void>;

  /** The guess could not be verified: uncounts it. */
  abstract cancel(subject: string, count: number): Promise<void>;
}

/** How long a subject waits after this number of guesses in a row, in ms; 0 for the first ones. */
export function waitAfterMs(count: number): number {
  return count <= FREE_GUESSES ? 0 : Math.min(LONGEST_WAIT_MS, 1_000 * 2 ** (count - FREE_GUESSES - 1));
}

/** A subject's bucket, and its name in the bucket. */
export function placeOf(subject: string): { readonly bucket: number; readonly name: string } {
  const digest = hash('sha256', subject, 'buffer');
  return { bucket: digest.readUInt16BE(0) % BUCKETS, name: digest.subarray(2, 18).toString('base64url') };
}

/** The name of a network in a reservation. */
export function networkName(network: string): string {
  return hash('sha256', network, 'base64url').slice(0, 8);
}
