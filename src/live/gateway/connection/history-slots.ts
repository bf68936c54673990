/** The most histories of a socket that are read and not yet sent. */
const AT_ONCE = 4;

/**
 * The histories that one socket sends, a few at a time: a reader that has stopped, or resolvers that are slow, hold these
 * few in memory, however many subscriptions are started.
 */
export class HistorySlots {
  #acquired = 0;
  /** In the order in which they came. */
  readonly #waiting = new Map<object, (mayStart: boolean) => void>();

  /**
   * Resolves with true when a history may be read; call {@link release} then, in any case. Resolves with false if its
   * owner leaves first.
   */
  acquire(owner: object): Promise<boolean> {
    if (this.#acquired < AT_ONCE) {
      this.#acquired++;
      return Promise.resolve(true);
    }
    return new Promise((resolve) => this.#waiting.set(owner, resolve));
  }

  /** The owner of a history that waits does not want it any more. */
  leave(owner: object): void {
    this.#waiting.get(owner)?.(false);
    this.#waiting.delete(owner);
  }

  /**
   * Releases the slot of a history that was read, or could not be. The next one starts once it is sent.
   *
   * @param sent resolves when it is sent; null if it already is
   */
  async release(sent: Promise<void> | null): Promise<void> {
    await sent;
    const [next] = this.#waiting;
    if (!next) {
      this.#acquired--;
      return;
    }
    const [owner, start] = next;
    this.#waiting.delete(owner);
    start(true);
  }
}
