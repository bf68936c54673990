import type { Topic } from '../../topics/topic.js';

/** Memory of an event besides its payload, and of a topic besides its events, in bytes; measured, rounded up. */
const EVENT_BYTES = 128;
const TOPIC_BYTES = 768;

/** What the budget needs from a history. */
export interface BoundedHistory {
  readonly topic: Topic;
  /** The number of its events. */
  readonly count: number;
  /** True if its newest event is the whole state, which is dropped last. */
  readonly holdsState: boolean;
  /** The publishers of its events; used by the budget only. */
  holdings: readonly Holding[];
  /** Drops all but this number of the newest events, and removes each from the budget. */
  cutTo(count: number): void;
}

/** The events of one publisher in one history. */
export class Holding {
  events = 0;
  list: HoldingList | null = null;
  older: Holding | null = null;
  newer: Holding | null = null;

  constructor(
    readonly account: Account,
    readonly history: BoundedHistory,
  ) {}
}

/** Holdings in the order of their last event. A linked list, because each event moves one of them to the end. */
class HoldingList {
  oldest: Holding | null = null;
  #newest: Holding | null = null;

  append(holding: Holding): void {
    if (this.#newest === holding) return;
    holding.list?.remove(holding);
    holding.list = this;
    holding.older = this.#newest;
    if (this.#newest) this.#newest.newer = holding;
    else this.oldest = holding;
    this.#newest = holding;
  }

  remove(holding: Holding): void {
    if (holding.older) holding.older.newer = holding.newer;
    else this.oldest = holding.newer;
    if (holding.newer) holding.newer.older = holding.older;
    else this.#newest = holding.older;
    holding.list = holding.older = holding.newer = null;
  }
}

/** The events of one publisher in all histories. */
class Account {
  bytes = 0;
  readonly events = new HoldingList();
  /** Histories with only the state left: dropped when there is nothing else. */
  readonly states = new HoldingList();

  constructor(readonly publisher: string) {}
}

/**
 * Limits the memory of all histories of this node, in bytes. Beyond the limit, the publisher with the most memory loses
 * the history that it has not published to for the longest time, so that one that floods the node displaces its own
 * events first. See docs/decisions/history-is-bounded-per-publisher.md.
 */
export class HistoryBudget {
  readonly #accounts = new Map<string, Account>();
  #bytes = 0;

  /**
   * @param dropped called after events were dropped from a history at the memory limit
   */
  constructor(
    private readonly maxBytes: number,
    private readonly dropped: (history: BoundedHistory, events: number) => void,
  ) {}

  /** The memory of all histories, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Adds an event that a history is about to keep. */
  take(history: BoundedHistory, publisher: string, payloadBytes: number): Holding {
    const holding = this.#holding(history, publisher);
    holding.events++;
    this.#add(holding.account, EVENT_BYTES + payloadBytes);
    return holding;
  }

  /** Removes an event that its history no longer keeps. */
  give(holding: Holding, payloadBytes: number): void {
    const { account, history } = holding;
    this.#add(account, -EVENT_BYTES - payloadBytes);
    if (--holding.events > 0) return;
    this.#add(account, -TOPIC_BYTES);
    holding.list?.remove(holding);
    history.holdings = history.holdings.filter((other) => other !== holding);
    if (account.bytes === 0) this.#accounts.delete(account.publisher);
  }

  /** Records that a holding has the newest event of its history. */
  touch(holding: Holding): void {
    const { account, history } = holding;
    const list = history.holdsState && history.count <= 1 ? account.states : account.events;
    list.append(holding);
  }

  /** Drops histories until the rest is within the limit. */
  makeRoom(): void {
    while (this.#bytes > this.maxBytes) {
      const account = this.#largest();
      const holding = account?.events.oldest ?? account?.states.oldest;
      if (!holding) return;
      const { history } = holding;
      const before = history.count;
      history.cutTo(history.holdsState && holding.list === account?.events ? 1 : 0);
      for (const left of history.holdings) this.touch(left);
      this.dropped(history, before - history.count);
    }
  }

  #holding(history: BoundedHistory, publisher: string): Holding {
    for (const known of history.holdings) if (known.account.publisher === publisher) return known;
    let account = this.#accounts.get(publisher);
    if (!account) this.#accounts.set(publisher, (account = new Account(publisher)));
    this.#add(account, TOPIC_BYTES);
    const holding = new Holding(account, history);
    history.holdings = [...history.holdings, holding];
    return holding;
  }

  #add(account: Account, bytes: number): void {
    account.bytes += bytes;
    this.#bytes += bytes;
  }

  #largest(): Account | null {
    let largest: Account | null = null;
    for (const account of this.#accounts.values()) if (!largest || account.bytes > largest.bytes) largest = account;
    return largest;
  }
}
