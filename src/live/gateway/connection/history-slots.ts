/** The most histories of a socket that are read and not yet sent. */
const AT_ONCE = 4;

/**
 * The histories that one socket sends, a few at a time: a reader that has stopped, or resolvers that are slow, hold these
 * few in memory, however many subscriptions are started.
 */
export class HistoryTurns {
  #taken = 0;
  /** In the order in which they came. */
  readonly #waiting = new Map<object, (mayStart: boolean) => void>();

  /**
   * Resolves with true when a history may be read; call {@link release} then, in any case. With false if its owner leaves
   * before.
   */
  take(owner: object): Promise<boolean> {
    if (this.#taken < AT_ONCE) {
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

  /** A history was read, or could not be: once it is sent, the next one has its turn. @param sent null if it is */
  async release(sent: Promise<void> | null): Promise<void> {
    await sent;
    const [next] = this.#waiting;
    if (!next) {
      this.#taken--;
      return;
    }
    const [owner, start] = next;
    this.#waiting.delete(owner);
    start(true);
  }
}
