const TIMEOUT_MS = 15_000;

/**
 * A queue of arrived items that tests wait on; nothing here sleeps. A wait that is not fulfilled fails after 15 s and
 * shows what arrived instead.
 */
export class Inbox<T> {
  readonly #items: T[] = [];
  readonly #waiting = new Set<() => void>();
  #over: string | null = null;

  /** All items that have arrived and were not taken, oldest first. */
  get pending(): readonly T[] {
    return this.#items;
  }

  /** Adds an item and wakes waiting callers. */
  put(item: T): void {
    this.#items.push(item);
    for (const wake of this.#waiting) wake();
  }

  /** No more items will arrive: waits fail at once with this reason. */
  end(reason: string): void {
    this.#over = reason;
    for (const wake of this.#waiting) wake();
  }

  /** Takes the first item that matches, now or when it arrives. Others stay. */
  async take(matches: (item: T) => boolean = () => true, what = 'the next thing'): Promise<T> {
    return this.#wait(matches, what, (at) => this.#items.splice(at, 1));
  }

  /** Like {@link take}, but leaves the item in the queue. */
  see(matches: (item: T) => boolean, what: string): Promise<T> {
    return this.#wait(matches, what, () => {});
  }

  /** @param found called with the item's place as soon as it is found, so that no other call takes it as well */
  async #wait(matches: (item: T) => boolean, what: string, found: (at: number) => void): Promise<T> {
    const deadline = performance.now() + TIMEOUT_MS;
    for (;;) {
      const at = this.#items.findIndex(matches);
      if (at !== -1) {
        const item = this.#items[at]!;
        found(at);
        return item;
      }
      if (this.#over !== null) throw new Error(`${what} never came: ${this.#over}; had: ${this.#listed()}`);
      if (!(await this.#arrival(deadline))) throw new Error(`${what} did not come in time; had: ${this.#listed()}`);
    }
  }

  #arrival(deadline: number): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (arrived: boolean) => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        resolve(arrived);
      };
      const wake = () => settle(true);
      const timer = setTimeout(() => settle(false), Math.max(0, deadline - performance.now()));
      this.#waiting.add(wake);
    });
  }

  #listed(): string {
    return JSON.stringify(this.#items.slice(-10));
  }
}
