import { hash } from 'node:crypto';

/** Wrong guesses in a row without a wait. */
export const FREE_GUESSES = 4;
const LONGEST_WAIT_MS = 15 * 60_000;
/** After so long without a guess the count starts anew. */
export const REMEMBER_MS = 24 * 60 * 60_000;
/** How many networks at a time are promised a turn, for each subject. */
export const MAX_PROMISES = 3;
/** A promise that is not used by then is forgotten. */
export const PROMISE_MS = LONGEST_WAIT_MS;
/** The counter's size, whatever attackers do: so many buckets of so many subjects each, some 10 MB at the most. */
export const BUCKETS = 1_024;
export const BUCKET_SIZE = 64;

/** Whether a guess may be verified: which one in a row it is, or how long to wait. */
export type GuessVerdict =
  { readonly ok: true; readonly count: number } | { readonly ok: false; readonly waitMs: number };

/**
 * Counts guesses at passwords, before they are verified. From the fifth wrong one in a row a subject's gate stays shut for
 * 1, 2, 4 … 900 s; one guess passes it when it opens.
 *
 * A network that is refused is promised a turn for the moment it is told, three networks at a time: whoever guesses from
 * elsewhere all day cannot keep somebody on a new device out for longer than the longest wait.
 *
 * The number of subjects is bounded: a full bucket forgets the subject with the fewest wrong guesses, of these the oldest.
 * One contract suite, test/contract/guess-counter.contract.ts, says what each implementation must hold.
 */
export abstract class GuessCounter {
  /**
   * Counts a guess, or refuses it and counts nothing.
   *
   * @param subject what is guessed at: an account, known or not; stored as a hash only
   * @param network where the guess comes from
   */
  abstract reserve(subject: string, network: string): Promise<GuessVerdict>;

  /** The guess was wrong: its wait starts now, since verifying took its time. */
  abstract wrong(subject: string, count: number): Promise<void>;

  /** The guess was right: those before it are forgotten. */
  abstract right(subject: string): Promise<void>;

  /** The guess could not be verified, and counts no more. */
  abstract giveBack(subject: string, count: number): Promise<void>;
}

/** How long a subject waits behind so many guesses in a row, in ms; 0 for the first ones. */
export function waitAfterMs(count: number): number {
  return count <= FREE_GUESSES ? 0 : Math.min(LONGEST_WAIT_MS, 1_000 * 2 ** (count - FREE_GUESSES - 1));
}

/** Where a subject is kept: its bucket, and its name there. */
export function placeOf(subject: string): { readonly bucket: number; readonly name: string } {
  const digest = hash('sha256', subject, 'buffer');
  return { bucket: digest.readUInt16BE(0) % BUCKETS, name: digest.subarray(2, 18).toString('base64url') };
}

/** How a network is named in a promise. */
export function networkName(network: string): string {
  return hash('sha256', network, 'base64url').slice(0, 8);
}
