/** One event of a transaction. */
export interface OracleEvent {
  readonly viewer: string;
  readonly payload: string;
}

/**
 * Records which events must arrive: for each viewer, those of each commit, in commit order. Commits that ran
 * concurrently may arrive in any order, but each as a whole.
 */
export class CommitOracle {
  /** Per viewer: groups of concurrent commits; for each commit, its payloads. */
  readonly #expected = new Map<string, string[][][]>();
  #count = 0;

  /** The number of events that must arrive. */
  get count(): number {
    return this.#count;
  }

  /** Records transactions that committed concurrently, after all earlier ones. */
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

  /** Returns what is wrong with the events a viewer received, or null. */
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
