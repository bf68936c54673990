import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';

/** How much of the processor new documents may take, in milliseconds: at once, and what comes back each second. */
const SHARES = {
  /** One viewer, or one network of visitors. */
  subject: { burst: 250, perSecond: 25 },
  /** All visitors together, so that networks without an account leave something to those who have signed in. */
  visitors: { burst: 500, perSecond: 125 },
  /** The node. */
  node: { burst: 1000, perSecond: 250 },
} as const;
/** The least that a document costs: reading it and throwing it away are not measured. */
const MIN_COST_MS = 0.5;
/** The most that one costs: inside the limits on documents, more than this is the machine's doing and not the document's. */
const MAX_COST_MS = 10;
const MAX_SUBJECTS = 20_000;

/** Milliseconds that come back at a steady rate, on the monotonic clock. */
class TokenBucket {
  #left: number;
  #filledAtMs: number;

  constructor(
    private readonly share: { readonly burst: number; readonly perSecond: number },
    nowMs: number,
  ) {
    this.#left = share.burst;
    this.#filledAtMs = nowMs;
  }

  isSpent(nowMs: number): boolean {
    const { burst, perSecond } = this.share;
    // A clock that begins anew brings nothing back, and takes nothing away.
    const elapsedMs = Math.max(0, nowMs - this.#filledAtMs);
    this.#left = Math.min(burst, this.#left + (elapsedMs / 1000) * perSecond);
    this.#filledAtMs = nowMs;
    return this.#left <= 0;
  }

  /** What a document costs is known afterwards: the last one may go below zero, by its own cost at the most. */
  take(cost: number): void {
    this.#left -= cost;
  }
}

/** Who pays for a document beside the node: a viewer, the network of a visitor, or nobody. */
export type BudgetSubject = { readonly viewer: string } | { readonly network: string } | null;
/** Whose budget is used up: that of the viewer or the network, or the one that they share with others. */
export type SpentBudget = 'subject' | 'node';
/** What became of a document's work. */
export type Budgeted<T> =
  { readonly done: true; readonly value: T } | { readonly done: false; readonly spent: SpentBudget };

interface Buckets {
  readonly own: TokenBucket | null;
  readonly shared: readonly TokenBucket[];
}

/**
 * How long this node parses and validates new documents, for each viewer and for all. A document that is known costs nothing.
 * Counted in the time that the work has taken, since no count of a document's parts is proportional to it.
 */
@Injectable()
export class DocumentBudget {
  readonly #node = new TokenBucket(SHARES.node, performance.now());
  readonly #visitors = new TokenBucket(SHARES.visitors, performance.now());
  readonly #subjects = new LRUCache<string, TokenBucket>({ max: MAX_SUBJECTS });

  /**
   * Does the work of one new document unless a budget is used up, and takes what it has cost.
   *
   * @throws what `work` throws; it is charged for all the same
   */
  spend<T>(subject: BudgetSubject, work: () => T): Budgeted<T> {
    const nowMs = performance.now();
    const { own, shared } = this.#bucketsOf(subject, nowMs);
    if (own?.isSpent(nowMs)) return { done: false, spent: 'subject' };
    if (shared.some((bucket) => bucket.isSpent(nowMs))) return { done: false, spent: 'node' };
    const startedAtMs = processorMs();
    try {
      return { done: true, value: work() };
    } finally {
      this.charge(subject, processorMs() - startedAtMs);
    }
  }

  /** Takes what work on a new document has cost, in milliseconds, that was done elsewhere. */
  charge(subject: BudgetSubject, costMs: number): void {
    const cost = Math.min(MAX_COST_MS, Math.max(MIN_COST_MS, costMs));
    const { own, shared } = this.#bucketsOf(subject, performance.now());
    own?.take(cost);
    for (const bucket of shared) bucket.take(cost);
  }

  #bucketsOf(subject: BudgetSubject, nowMs: number): Buckets {
    if (subject === null) return { own: null, shared: [this.#node] };
    if ('viewer' in subject) return { own: this.#ownOf(`viewer ${subject.viewer}`, nowMs), shared: [this.#node] };
    return { own: this.#ownOf(`network ${subject.network}`, nowMs), shared: [this.#visitors, this.#node] };
  }

  #ownOf(key: string, nowMs: number): TokenBucket {
    const known = this.#subjects.get(key);
    if (known) return known;
    const bucket = new TokenBucket(SHARES.subject, nowMs);
    this.#subjects.set(key, bucket);
    return bucket;
  }
}

/** What Node tells of the calling thread, from version 24 on at the latest. */
const { threadCpuUsage } = process as { threadCpuUsage?: () => NodeJS.CpuUsage };

/** The processor's time, so that on a busy machine nobody pays for waiting; where Node does not tell it, the time that passes. */
export function processorMs(): number {
  if (!threadCpuUsage) return performance.now();
  const { user, system } = threadCpuUsage.call(process);
  return (user + system) / 1000;
}
