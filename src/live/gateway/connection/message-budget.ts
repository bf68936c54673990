/** Messages that a socket may send at once. */
const BURST = 200;
/** Messages a second that come back. */
const PER_SECOND = 20;
/** Messages that a socket may send before its ack. */
const BEFORE_ACK = 10;

/** How many messages one socket may still send: a token bucket without a timer, smaller before the ack. */
export class MessageBudget {
  #left = BEFORE_ACK;
  #filledAtMs = 0;

  /** Takes one message from the budget; false when it is used up and the socket is to be closed. */
  take(nowMs: number): boolean {
    if (this.#filledAtMs > 0) {
      this.#left = Math.min(BURST, this.#left + ((nowMs - this.#filledAtMs) / 1000) * PER_SECOND);
      this.#filledAtMs = nowMs;
    }
    return --this.#left >= 0;
  }

  /** Opens the full budget once the socket is acknowledged. */
  open(nowMs: number): void {
    this.#left = BURST;
    this.#filledAtMs = nowMs;
  }
}
