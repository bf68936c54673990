/** Messages that a socket may send at once. */
const BURST = 200;
/** Messages per second that are refilled. */
const PER_SECOND = 20;
/** Messages that a socket may send before its ack. */
const BEFORE_ACK = 10;
/** Budgets are in thousandths of a message, so that each millisecond refills a whole number. */
const MESSAGE = 1000;

/** How many messages one socket may still send: a token bucket without a timer, smaller before the ack. */
export class MessageBudget {
  #left = BEFORE_ACK * MESSAGE;
  #filledAtMs = 0;

  /** Takes one message from the budget; false if it is used up and the socket must be closed. */
  take(nowMs: number): boolean {
    if (this.#filledAtMs > 0) {
      const wholeMs = Math.trunc(nowMs);
      this.#left = Math.min(BURST * MESSAGE, this.#left + (wholeMs - this.#filledAtMs) * PER_SECOND);
      this.#filledAtMs = wholeMs;
    }
    this.#left -= MESSAGE;
    return this.#left >= 0;
  }

  /** Sets the full budget once the socket is acknowledged. */
  open(nowMs: number): void {
    this.#left = BURST * MESSAGE;
    this.#filledAtMs = Math.trunc(nowMs);
  }
}
