/** The most ranges. More are joined, which costs time when reading, but skips nothing. */
const MAX_RANGES = 1_000;

/** Numbers that may still become visible, from the first to the last. */
interface OpenRange {
  readonly first: number;
  readonly last: number;
  /** Every transaction that has a number of this range also has a lower id than this; null while unknown. */
  readonly below: number | null;
}

const NOWHERE = { seq: 0, id: '0' };

/**
 * Which numbers of commits a relay must still look for. The last range is open-ended. The others are gaps below a number
 * that was read: their transactions were still being committed, are prepared, or have failed. Reading only these ranges
 * skips the rows that were removed, which PostgreSQL cannot discard while an old transaction is open.
 *
 * It belongs to one connection: after a failover, numbers may be used again.
 */
export class OpenRanges {
  #ranges: readonly OpenRange[];
  #resume = NOWHERE;

  /** @param first the lowest number that may have to be looked for */
  constructor(first = 1) {
    this.#ranges = [{ first, last: Number.MAX_SAFE_INTEGER, below: null }];
  }

  /** The lowest number that must still be looked for. */
  get first(): number {
    return this.#ranges[0]!.first;
  }

  /** The first number of each range, ascending. */
  get lows(): number[] {
    return this.#ranges.map(({ first }) => first);
  }

  /** The last number of each range. */
  get highs(): number[] {
    return this.#ranges.map(({ last }) => last);
  }

  /** A commit with many events, and the last of them that was handled. */
  get resume(): { readonly seq: number; readonly id: string } {
    return this.#resume;
  }

  /** Whether a gap is not bounded yet: see {@link bound}. */
  get hasUnbounded(): boolean {
    return this.#ranges.slice(0, -1).some(({ below }) => below === null);
  }

  /**
   * The events of a read were handled.
   *
   * @param rows in the order of the read
   * @param isCut whether there are more after the last one, maybe of the same commit
   * @returns the commits that are finished with this
   */
  handled(rows: readonly { readonly seq: number; readonly id: string }[], isCut: boolean): readonly number[] {
    const last = isCut ? rows.at(-1) : undefined;
    const seen = new Set(rows.map(({ seq }) => seq));
    if (this.#resume.seq > 0) seen.add(this.#resume.seq);
    const finished = [...seen].filter((seq) => !last || seq < last.seq).sort((a, b) => a - b);
    this.#resume = last ? { seq: last.seq, id: last.id } : NOWHERE;
    this.#close(finished);
    return finished;
  }

  /** Sets the bound of gaps without one. @param xid a transaction id that was assigned after they were noticed */
  bound(xid: number): void {
    this.#ranges = this.#ranges.map((range, place) =>
      range.below === null && place < this.#ranges.length - 1 ? { ...range, below: xid } : range,
    );
  }

  /**
   * Gives up the gaps whose transactions have all ended. Called after a read that has returned everything in them.
   *
   * @param horizon every transaction with a lower id had ended before that read
   */
  giveUp(horizon: number): void {
    this.#ranges = this.#ranges.filter(({ below }) => below === null || below > horizon);
  }

  /** @param seqs ascending */
  #close(seqs: readonly number[]): void {
    const open: OpenRange[] = [];
    let next = 0;
    for (const range of this.#ranges) {
      let { first } = range;
      for (; next < seqs.length && seqs[next]! <= range.last; next += 1) {
        const seq = seqs[next]!;
        if (seq < first) continue;
        if (seq > first) open.push({ ...range, first, last: seq - 1 });
        first = seq + 1;
      }
      if (first <= range.last) open.push({ ...range, first });
    }
    this.#ranges = open.length <= MAX_RANGES ? open : [{ ...open.at(-1)!, first: open[0]!.first }];
  }
}
