/** The most histories that a socket starts at once while its reader keeps up. */
const AT_ONCE = 8;

/** What is known of a socket's reader. */
interface Reader {
  readonly isFull: boolean;
  drained(): Promise<void>;
}

/**
 * The histories that one socket sends, a few at a time, and one at a time while its reader does not keep up: a reader
 * that has stopped holds these few, however many subscriptions it starts.
 */
export class HistoryTurns {
  #taken = 0;
  /** In the order in which they came. */
  readonly #waiting = new Map<object, (mayStart: boolean) => void>();

  constructor(private readonly reader: Reader) {}

  /**
   * Resolves with true when a history may be started; call {@link release} when it is. With false if its owner leaves
   * before.
   */
  take(owner: object): Promise<boolean> {
    if (this.#waiting.size === 0 && this.#isFree) {
      this.#taken++;
      return Promise.resolve(true);
    }
    return new Promise((resolve) => this.#waiting.set(owner, resolve));
  }

  /** The owner of a history that waits does not want it any more. */
  leave(owner: object): void {
    this.#waiting.get(owner)?.(false);
    this.#waiting.delete(owner);
  }

  /** A history was started, or could not be: the next one starts when the socket has room. Never rejects. */
  async release(): Promise<void> {
    while (this.reader.isFull) await this.reader.drained();
    this.#taken--;
    for (const [owner, start] of this.#waiting) {
      if (!this.#isFree) return;
      this.#taken++;
      this.#waiting.delete(owner);
      start(true);
    }
  }

  get #isFree(): boolean {
    return this.#taken === 0 || (this.#taken < AT_ONCE && !this.reader.isFull);
  }
}
