import { UnavailableError } from '../../live/errors/sallyport.errors.js';

/** The client that requests hashing. */
export interface HashingClaim {
  /** Whether it is a device known to the account, or has a session. */
  readonly known: boolean;
  /** The widest network of the client; unknown clients share the queue by network. */
  readonly network: string;
}

interface Waiting {
  readonly start: () => void;
  readonly refuse: (error: UnavailableError) => void;
}

/**
 * Decides which request is hashed next. Known devices have a reserved slot, their own queue and every second turn, so
 * that a flood of unknown clients cannot lock them out. Networks of unknown clients are served in turn; when their
 * queue is full, the network with the most waiting requests loses one, so that a flood from one network only costs that
 * network its places.
 */
export class HashingQueue {
  #running = 0;
  #unknownRunning = 0;
  readonly #slotsOfUnknown: number;
  #knownHadTurn = false;
  readonly #known: Waiting[] = [];
  /** By network; the first one is served next. */
  readonly #unknown = new Map<string, Waiting[]>();
  #unknownWaiting = 0;

  /**
   * @param slots how many run at a time
   * @param maxWaiting how many may wait in each of the two queues
   */
  constructor(
    private readonly slots: number,
    private readonly maxWaiting: number,
  ) {
    this.#slotsOfUnknown = Math.max(1, slots - 1);
  }

  /**
   * Runs work when it is its turn. Refused work costs nothing, not even a query.
   *
   * @throws UnavailableError when the queue is full; whatever `work` throws
   */
  async run<T>(claim: HashingClaim, work: () => Promise<T>): Promise<T> {
    if (this.#running < this.slots && (claim.known || this.#mayUnknownRun())) this.#begin(claim.known);
    else await new Promise<void>((start, refuse) => this.#enqueue(claim, { start, refuse }));
    try {
      return await work();
    } finally {
      this.#end(claim.known);
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
    const unknownMay = this.#mayUnknownRun() && this.#unknownWaiting > 0;
    const next = this.#knownHadTurn && unknownMay ? undefined : this.#known.shift();
    this.#knownHadTurn = next !== undefined;
    if (next) {
      this.#begin(true);
      next.start();
    } else if (unknownMay) {
      this.#begin(false);
      this.#nextUnknown()?.start();
    }
  }

  #enqueue({ known, network }: HashingClaim, waiting: Waiting): void {
    if (known) {
      if (this.#known.length >= this.maxWaiting) waiting.refuse(new UnavailableError());
      else this.#known.push(waiting);
      return;
    }
    const queue = this.#unknown.get(network) ?? [];
    if (this.#unknownWaiting >= this.maxWaiting && !this.#makeRoom(queue.length)) {
      waiting.refuse(new UnavailableError());
      return;
    }
    queue.push(waiting);
    this.#unknown.set(network, queue);
    this.#unknownWaiting += 1;
  }

  /** Removes a waiting request of the network with the most; false if that would not be fairer. */
  #makeRoom(have: number): boolean {
    let longest: [network: string, queue: Waiting[]] | null = null;
    for (const entry of this.#unknown) if (!longest || entry[1].length > longest[1].length) longest = entry;
    if (!longest || longest[1].length <= have + 1) return false;
    longest[1].pop()?.refuse(new UnavailableError());
    this.#unknownWaiting -= 1;
    return true;
  }

  #nextUnknown(): Waiting | undefined {
    const [entry] = this.#unknown;
    if (!entry) return undefined;
    const [network, queue] = entry;
    const next = queue.shift();
    this.#unknownWaiting -= 1;
    // Moves it to the end: a Map keeps insertion order.
    this.#unknown.delete(network);
    if (queue.length > 0) this.#unknown.set(network, queue);
    return next;
  }
}
