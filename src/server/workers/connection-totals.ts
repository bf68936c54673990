import { CountBatches } from './count-batches.js';
import type { ConnectionCount, CountKind, ViewerMost } from './messages.js';

type Counts = Readonly<Record<CountKind, Map<string, number>>>;

/** What one worker has, and what waits to be sent to it. */
interface Member {
  readonly own: Counts;
  readonly batches: CountBatches;
}

/**
 * The connections of all workers, by address block and by viewer, in the primary. Each worker is told how many the
 * others have.
 */
export class ConnectionTotals {
  readonly #sums: Counts = { address: new Map(), viewer: new Map() };
  readonly #members = new Map<number, Member>();

  /** @param maxPerViewer the most connections of a viewer, on all workers together */
  constructor(private readonly maxPerViewer: number) {}

  /**
   * A worker has started: it is sent everything, then every change.
   *
   * @param send sends it one message and calls `sent` when that has left
   */
  joined(worker: number, send: (counts: readonly ConnectionCount[], sent: () => void) => void): void {
    this.ended(worker);
    const batches = new CountBatches(send);
    this.#members.set(worker, { own: { address: new Map(), viewer: new Map() }, batches });
    for (const kind of ['address', 'viewer'] as const)
      for (const [key, sum] of this.#sums[kind]) batches.add(kind, key, sum);
  }

  /**
   * A worker has said what has changed. One that has not joined, or has ended, is ignored.
   *
   * @returns the viewers of whom it has just admitted more than it would have, had it known what the others have
   */
  reported(worker: number, counts: readonly ConnectionCount[]): readonly ViewerMost[] {
    const member = this.#members.get(worker);
    if (!member) return [];
    const exceeded: ViewerMost[] = [];
    for (const [kind, key, count] of counts) {
      const before = member.own[kind].get(key) ?? 0;
      const excess = this.#change(member, kind, key, count) - this.maxPerViewer;
      // What it had before is older than what others have just admitted.
      if (kind === 'viewer' && excess > 0 && count > before) exceeded.push([key, Math.max(before, count - excess)]);
    }
    return exceeded;
  }

  /** A worker has ended, and with it its connections. */
  ended(worker: number): void {
    const member = this.#members.get(worker);
    if (!member) return;
    this.#members.delete(worker);
    member.batches.stop();
    for (const kind of ['address', 'viewer'] as const)
      for (const key of member.own[kind].keys()) this.#change(member, kind, key, 0);
  }

  /** Returns the new sum. */
  #change(member: Member, kind: CountKind, key: string, count: number): number {
    const sum = (this.#sums[kind].get(key) ?? 0) - (member.own[kind].get(key) ?? 0) + count;
    put(member.own[kind], key, count);
    put(this.#sums[kind], key, sum);
    for (const other of this.#members.values())
      if (other !== member) other.batches.add(kind, key, sum - (other.own[kind].get(key) ?? 0));
    return sum;
  }
}

/** Sets a number; 0 takes no memory. */
export function put(counts: Map<string, number>, key: string, count: number): void {
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}
