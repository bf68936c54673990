/** One event of a transaction. */
export interface OracleEvent {
  readonly viewer: string;
  readonly payload: string;
}

/**
 * What must arrive: per viewer, the events of each commit, in the order of the commits. Commits that ran at the same
 * time may arrive in any order, each as a whole.
 */
export class CommitOracle {
  /** Per viewer: groups of commits that ran at the same time; per commit its payloads. */
  readonly #expected = new Map<string, string[][][]>();
  #count = 0;

  /** How many events must arrive. */
  get count(): number {
    return this.#count;
  }

  /** These transactions have committed at the same time, after all earlier ones. */
  committed(...transactions: (readonly OracleEvent[])[]): void {
    const groups = new Map<string, string[][]>();
    for (const events of transactions) {
      for (const viewer of new Set(events.map((event) => event.viewer))) {
        const payloads = events.filter((event) => event.viewer === viewer).map(({ payload }) => payload);
        groups.set(viewer, [...(groups.get(viewer) ?? []), payloads]);
        this.#count += payloads.length;
      }
    }
    for (const [viewer, group] of groups) this.#expected.set(viewer, [...(this.#expected.get(viewer) ?? []), group]);
  }

  /** What is wrong with what a viewer got; null if nothing is. */
  fault(viewer: string, arrived: readonly string[]): string | null {
    let at = 0;
    for (const group of this.#expected.get(viewer) ?? []) {
      const left = new Map(group.map((payloads) => [payloads[0], payloads]));
      while (left.size > 0) {
        const payloads = left.get(arrived[at]);
        if (!payloads) return `${viewer}: ${arrived[at]} arrived at ${at}, not ${[...left.keys()].join(' or ')}`;
        left.delete(payloads[0]);
        for (const payload of payloads) {
          if (arrived[at] !== payload) return `${viewer}: ${arrived[at]} arrived at ${at}, not ${payload}`;
          at += 1;
        }
      }
    }
    return at === arrived.length ? null : `${viewer}: ${arrived.length - at} more arrived, first ${arrived[at]}`;
  }
}
