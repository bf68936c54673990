/**
 * Keeps an operation's id from Subscribe until the subscription has started. graphql-ws returns it, as it returns a
 * running subscription, when the client completes the operation or the socket closes.
 *
 * graphql-ws knows operations by their id alone, and a client may use an id again as soon as it has completed it. So
 * what graphql-ws awaits for an operation that is over never settles. Otherwise it would answer for, or remove, the next
 * operation with the same id.
 */
export class Reservation implements AsyncIterable<never> {
  #isOver = false;
  #starting: { return(): unknown } | null = null;

  /** Whether the client has completed the operation, or the socket has closed. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** What is being started: it ends with the reservation, since it may send events before it has started. */
  starts(subscription: { return(): unknown }): void {
    this.#starting = subscription;
    if (this.#isOver) subscription.return();
  }

  async return(): Promise<IteratorReturnResult<undefined>> {
    this.#isOver = true;
    this.#starting?.return();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): AsyncIterator<never> {
    return { next: never };
  }
}

/** A promise that never settles. It and what awaits it are garbage at once. */
export function never(): Promise<never> {
  return new Promise(() => {});
}
