import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';

/** What one viewer, or one network of visitors, may have checked at once, in characters of documents that are new to this node. */
const SUBJECT_BURST = 200_000;
/** Characters a second that come back to them. */
const SUBJECT_PER_SECOND = 10_000;
/** The same for all together. */
const NODE_BURST = 1_000_000;
const NODE_PER_SECOND = 200_000;
/** What any document costs beside its characters. */
const BASE_COST = 200;
const MAX_SUBJECTS = 20_000;

/** Tokens that come back at a steady rate, on the monotonic clock. */
class TokenBucket {
  #left: number;
  #filledAtMs: number;

  constructor(
    private readonly burst: number,
    private readonly perSecond: number,
    nowMs: number,
  ) {
    this.#left = burst;
    this.#filledAtMs = nowMs;
  }

  has(cost: number, nowMs: number): boolean {
    this.#left = Math.min(this.burst, this.#left + ((nowMs - this.#filledAtMs) / 1000) * this.perSecond);
    this.#filledAtMs = nowMs;
    return this.#left >= cost;
  }

  take(cost: number): void {
    this.#left -= cost;
  }
}

/** Whether a new document may be checked now, and if not, whose budget is used up. */
export type BudgetVerdict = 'granted' | 'subject-spent' | 'node-spent';

/**
 * How much text of new documents this node parses and validates, for each viewer and for all. A document that is known costs
 * nothing. Counted in characters, since the limits on documents make the work proportional to them.
 */
@Injectable()
export class DocumentBudget {
  readonly #node = new TokenBucket(NODE_BURST, NODE_PER_SECOND, performance.now());
  readonly #subjects = new LRUCache<string, TokenBucket>({ max: MAX_SUBJECTS });

  /**
   * Takes what one new document costs.
   *
   * @param subject a viewer's id or a visitor's network; null for one without a budget of their own
   * @param characters the length of the document, or as much of it as is read
   */
  take(subject: string | null, characters: number): BudgetVerdict {
    const nowMs = performance.now();
    const cost = characters + BASE_COST;
    const own = subject === null ? null : this.#bucketOf(subject, nowMs);
    if (own?.has(cost, nowMs) === false) return 'subject-spent';
    if (!this.#node.has(cost, nowMs)) return 'node-spent';
    own?.take(cost);
    this.#node.take(cost);
    return 'granted';
  }

  #bucketOf(subject: string, nowMs: number): TokenBucket {
    const known = this.#subjects.get(subject);
    if (known) return known;
    const bucket = new TokenBucket(SUBJECT_BURST, SUBJECT_PER_SECOND, nowMs);
    this.#subjects.set(subject, bucket);
    return bucket;
  }
}
