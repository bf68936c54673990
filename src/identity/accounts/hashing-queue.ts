import { UnavailableError } from '../../live/errors/sallyport.errors.js';

/** The client that requests hashing. */
export interface HashingClaim {
  /** Whether it is a device known to the account, or has a session. */
  readonly known: boolean;
  /** The widest network of the client, by which clients share a queue. */
  readonly network: string;
}

interface Waiting {
  readonly start: () => void;
  readonly refuse: (error: UnavailableError) => void;
}

/** Requests that wait, served in turn by network. */
class NetworkQueue {
  /** The first one is served next. */
  readonly #byNetwork = new Map<string, Waiting[]>();
  #size = 0;

  /** @param maxSize how many may wait; beyond it the network with the most loses one, or the new one is refused */
  constructor(private readonly maxSize: number) {}

  get isEmpty(): boolean {
    return this.#size === 0;
  }

  add(network: string, waiting: Waiting): void {
    const queue = this.#byNetwork.get(network) ?? [];
    if (this.#size >= this.maxSize && !this.#makeRoom(queue.length)) {
      waiting.refuse(new UnavailableError());
      return;
    }
    queue.push(waiting);
    this.#byNetwork.set(network, queue);
    this.#size += 1;
  }

  next(): Waiting | undefined {
    const [entry] = this.#byNetwork;
    if (!entry) return undefined;
    const [network, queue] = entry;
    const next = queue.shift();
    this.#size -= 1;
    // Moves it to the end: a Map keeps insertion order.
    this.#byNetwork.delete(network);
    if (queue.length > 0) this.#byNetwork.set(network, queue);
    return next;
  }

  /** Removes a waiting request of the network with the most; false if that would not be fairer. */
  #makeRoom(have: number): boolean {
    let longest: Waiting[] = [];
    for (const queue of this.#byNetwork.values()) if (queue.length > longest.length) longest = queue;
    if (longest.length <= have + 1) return false;
    longest.pop()?.refuse(new UnavailableError());
    this.#size -= 1;
    return true;
  }
}

/**
 * Decides which request is hashed next. Known devices have a reserved slot, their own queue and every second turn, so
 * that a flood of unknown clients cannot lock them out. In both queues networks are served in turn, and when one is
 * full, the network with the most waiting requests loses one, so that a flood from one network only costs that network
 * its places: anyone can have known devices, for accounts of their own.
 */
export class HashingQueue {
  #running = 0;
  #unknownRunning = 0;
  readonly #slotsOfUnknown: number;
  #knownHadTurn = false;
  readonly #known: NetworkQueue;
  readonly #unknown: NetworkQueue;

  /**
   * @param slots how many run at a time
   * @param maxWaiting how many may wait in each of the two queues
   */
  constructor(
    private readonly slots: number,
    maxWaiting: number,
  ) {
    this.#slotsOfUnknown = Math.max(1, slots - 1);
    this.#known = new NetworkQueue(maxWaiting);
    this.#unknown = new NetworkQueue(maxWaiting);
  }

  /**
   * Runs work when it is its turn. Refused work costs nothing, not even a query.
   *
   * @throws UnavailableError when the queue is full; whatever `work` throws
   */
  async run<T>({ known, network }: HashingClaim, work: () => Promise<T>): Promise<T> {
    if (this.#running < this.slots && (known || this.#mayUnknownRun())) this.#begin(known);
    else
      await new Promise<void>((start, refuse) => (known ? this.#known : this.#unknown).add(network, { start, refuse }));
    try {
      return await work();
    } finally {
      this.#end(known);
    }
  }

  #mayUnknownRun(): boolean {
    return this.#unknownRunning < this.#slotsOfUnknown;
  }

  #begin(known: boolean): void {
    this.#running += 1;
    if (!known) this.#unknownRunning += 1;
  }

  #end(known: boolean): void {
    this.#running -= 1;
    if (!known) this.#unknownRunning -= 1;
    const unknownMay = this.#mayUnknownRun() && !this.#unknown.isEmpty;
    const next = this.#knownHadTurn && unknownMay ? undefined : this.#known.next();
    this.#knownHadTurn = next !== undefined;
    if (next) {
      this.#begin(true);
      next.start();
    } else if (unknownMay) {
      this.#begin(false);
      this.#unknown.next()?.start();
    }
  }
}
