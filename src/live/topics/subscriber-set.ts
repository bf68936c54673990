/** The subscribers of one topic. Most topics have one, which takes a fifth of the memory of a `Set`. */
export class SubscriberSet<T extends object> {
  #only: T | null = null;
  #several: Set<T> | null = null;

  get isEmpty(): boolean {
    return this.#only === null && this.#several === null;
  }

  add(subscriber: T): void {
    if (this.#several) this.#several.add(subscriber);
    else if (this.isEmpty) this.#only = subscriber;
    else if (this.#only !== null && this.#only !== subscriber) {
      this.#several = new Set([this.#only, subscriber]);
      this.#only = null;
    }
  }

  /** Removes a subscriber; false if it was not there. */
  delete(subscriber: T): boolean {
    if (this.#several) {
      const wasThere = this.#several.delete(subscriber);
      if (this.#several.size === 0) this.#several = null;
      return wasThere;
    }
    if (this.#only !== subscriber) return false;
    this.#only = null;
    return true;
  }

  /**
   * Calls `visit` with each subscriber, in the order in which they were added. It may delete the one that it is called
   * with.
   */
  each(visit: (subscriber: T) => void): void {
    if (this.#several) this.#several.forEach(visit);
    else if (this.#only !== null) visit(this.#only);
  }
}
