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
  shares: readonly PublisherShare[];
  /** Drops all but this number of the newest events, and removes each from the budget. */
  cutTo(count: number): void;
}

/** The events of one publisher in one history. */
export class PublisherShare {
  events = 0;
  list: ShareList | null = null;
  older: PublisherShare | null = null;
  newer: PublisherShare | null = null;

  constructor(
    readonly memory: PublisherMemory,
    readonly history: BoundedHistory,
  ) {}
}

/** Shares in the order of their last event. A linked list, because each event moves one of them to the end. */
class ShareList {
  oldest: PublisherShare | null = null;
  #newest: PublisherShare | null = null;

  append(share: PublisherShare): void {
    if (this.#newest === share) return;
    share.list?.remove(share);
    share.list = this;
    share.older = this.#newest;
    if (this.#newest) this.#newest.newer = share;
    else this.oldest = share;
    this.#newest = share;
  }

  remove(share: PublisherShare): void {
    if (share.older) share.older.newer = share.newer;
    else this.oldest = share.newer;
    if (share.newer) share.newer.older = share.older;
    else this.#newest = share.older;
    share.list = share.older = share.newer = null;
  }
}

/** The events of one publisher in all histories. */
class PublisherMemory {
  bytes = 0;
  readonly events = new ShareList();
  /** Histories with only the state left: dropped when there is nothing else. */
  readonly states = new ShareList();

  constructor(readonly publisher: string) {}
}

/**
 * Limits the memory of all histories of this node, in bytes. Beyond the limit, the publisher with the most memory loses
 * the history that it has not published to for the longest time, so that one that floods the node displaces its own
 * events first. See docs/decisions/history-is-bounded-per-publisher.md.
 */
export class HistoryBudget {
  readonly #publishers = new Map<string, PublisherMemory>();
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
  addEvent(history: BoundedHistory, publisher: string, payloadBytes: number): PublisherShare {
    const share = this.#share(history, publisher);
    share.events++;
    this.#add(share.memory, EVENT_BYTES + payloadBytes);
    return share;
  }

  /** Removes an event that its history no longer keeps. */
  removeEvent(share: PublisherShare, payloadBytes: number): void {
    const { memory, history } = share;
    this.#add(memory, -EVENT_BYTES - payloadBytes);
    if (--share.events > 0) return;
    this.#add(memory, -TOPIC_BYTES);
    share.list?.remove(share);
    history.shares = history.shares.filter((other) => other !== share);
    if (memory.bytes === 0) this.#publishers.delete(memory.publisher);
  }

  /** Records that a share has the newest event of its history. */
  touch(share: PublisherShare): void {
    const { memory, history } = share;
    const list = history.holdsState && history.count <= 1 ? memory.states : memory.events;
    list.append(share);
  }

  /** Drops histories until the rest is within the limit. */
  makeRoom(): void {
    while (this.#bytes > this.maxBytes) {
      const memory = this.#largest();
      const share = memory?.events.oldest ?? memory?.states.oldest;
      if (!share) return;
      const { history } = share;
      const before = history.count;
      history.cutTo(history.holdsState && share.list === memory?.events ? 1 : 0);
      for (const left of history.shares) this.touch(left);
      this.dropped(history, before - history.count);
    }
  }

  #share(history: BoundedHistory, publisher: string): PublisherShare {
    for (const known of history.shares) if (known.memory.publisher === publisher) return known;
    let memory = this.#publishers.get(publisher);
    if (!memory) this.#publishers.set(publisher, (memory = new PublisherMemory(publisher)));
    this.#add(memory, TOPIC_BYTES);
    const share = new PublisherShare(memory, history);
    history.shares = [...history.shares, share];
    return share;
  }

  #add(memory: PublisherMemory, bytes: number): void {
    memory.bytes += bytes;
    this.#bytes += bytes;
  }

  #largest(): PublisherMemory | null {
    let largest: PublisherMemory | null = null;
    for (const memory of this.#publishers.values()) if (!largest || memory.bytes > largest.bytes) largest = memory;
    return largest;
  }
}
