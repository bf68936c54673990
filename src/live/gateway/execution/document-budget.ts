import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';

/** How much CPU time new documents may use, in milliseconds: at once, and the refill per second. */
const SHARES = {
  /** One viewer, or one network for requests without a session. */
  subject: { burst: 250, perSecond: 25 },
  /** All requests without a session together, so that they leave a share to signed-in viewers. */
  visitors: { burst: 500, perSecond: 125 },
  /** The node. */
  node: { burst: 1000, perSecond: 250 },
} as const;
/** The minimum charge for a document, because reading it and collecting its garbage are not measured. */
const MIN_COST_MS = 0.5;
/**
 * The maximum charge for a document: within the limits on documents, anything above has other causes, such as a busy
 * machine.
 */
const MAX_COST_MS = 10;
const MAX_SUBJECTS = 20_000;

/** A budget of milliseconds that refills at a steady rate, on the monotonic clock. */
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
    // A clock that was reset neither refills nor reduces the budget.
    const elapsedMs = Math.max(0, nowMs - this.#filledAtMs);
    this.#left = Math.min(burst, this.#left + (elapsedMs / 1000) * perSecond);
    this.#filledAtMs = nowMs;
    return this.#left <= 0;
  }

  /**
   * The cost of a document is known only afterwards, so the last one may make the budget negative by at most its own
   * cost.
   */
  take(cost: number): void {
    this.#left -= cost;
  }
}

/** Whose budget a document is charged to besides the node's: a viewer's, a network's, or none. */
export type BudgetSubject = { readonly viewer: string } | { readonly network: string } | null;
/** Which budget is used up: that of the viewer or the network, or a shared one. */
type SpentBudget = 'subject' | 'node';
/** The result of work on a document. */
export type Budgeted<T> =
  { readonly done: true; readonly value: T } | { readonly done: false; readonly spent: SpentBudget };

interface Buckets {
  readonly own: TokenBucket | null;
  readonly shared: readonly TokenBucket[];
}

/**
 * Limits the time that this node spends on parsing and validating new documents, per viewer and in total. A known
 * document costs nothing. The budget is in time because no count of a document's parts is proportional to the work.
 */
@Injectable()
export class DocumentBudget {
  /** How much work was refused since the start, by the budget that was used up. */
  readonly refused: Record<SpentBudget, number> = { subject: 0, node: 0 };
  readonly #node = new TokenBucket(SHARES.node, performance.now());
  readonly #visitors = new TokenBucket(SHARES.visitors, performance.now());
  readonly #subjects = new LRUCache<string, TokenBucket>({ max: MAX_SUBJECTS });

  /**
   * Does the work of one new document unless a budget is used up, and charges its cost.
   *
   * @throws what `work` throws; the work is charged anyway
   */
  spend<T>(subject: BudgetSubject, work: () => T): Budgeted<T> {
    const nowMs = performance.now();
    const { own, shared } = this.#bucketsOf(subject, nowMs);
    if (own?.isSpent(nowMs)) return this.#refuse('subject');
    if (shared.some((bucket) => bucket.isSpent(nowMs))) return this.#refuse('node');
    const startedAtMs = processorMs();
    try {
      return { done: true, value: work() };
    } finally {
      this.charge(subject, processorMs() - startedAtMs);
    }
  }

  /**
   * Charges work on a new document that was done elsewhere, in milliseconds. Once a budget is used up, neither it nor a
   * wider one is charged: otherwise one client could use up what all share.
   */
  charge(subject: BudgetSubject, costMs: number): void {
    const nowMs = performance.now();
    const cost = Math.min(MAX_COST_MS, Math.max(MIN_COST_MS, costMs));
    const { own, shared } = this.#bucketsOf(subject, nowMs);
    for (const bucket of own ? [own, ...shared] : shared) {
      if (bucket.isSpent(nowMs)) return;
      bucket.take(cost);
    }
  }

  #refuse(spent: SpentBudget): { readonly done: false; readonly spent: SpentBudget } {
    this.refused[spent]++;
    return { done: false, spent };
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

/** CPU usage of the calling thread. Node 20 does not have it. */
const { threadCpuUsage } = process as { threadCpuUsage?: () => NodeJS.CpuUsage };

/**
 * CPU time, so that clients are not charged for waiting on a busy machine; elapsed time if Node does not provide it.
 */
export function processorMs(): number {
  if (!threadCpuUsage) return performance.now();
  const { user, system } = threadCpuUsage.call(process);
  return (user + system) / 1000;
}
