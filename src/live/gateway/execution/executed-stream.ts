import type { Renderer } from './rendering.js';
import type { Subscription, SubscriptionRequest, ResponseStream } from './subscription.js';
import type { SubscriptionCount } from './subscription.metrics.js';

const OVER: IteratorReturnResult<undefined> = { done: true, value: undefined };

/**
 * Executes the values of a source stream (GraphQL §6.2.3.1) that is not one of our topics, one after the other, at the
 * pace of the socket.
 */
export class ExecutedStream implements ResponseStream {
  /** Whether the source stream has ended or failed by itself. */
  #hasEnded = false;

  /** Counts as open from now on, until {@link end}. */
  constructor(
    private readonly values: AsyncIterator<unknown>,
    private readonly subscription: Subscription,
    private readonly request: SubscriptionRequest,
    private readonly renderer: Renderer,
    private readonly count: SubscriptionCount,
  ) {
    count.open++;
  }

  /** Sends results until the source stream or the subscription is over. Called once; never throws. */
  async run(): Promise<void> {
    const { subscription, renderer, request } = this;
    try {
      for (let step = await this.#next(); !step.done; step = await this.#next()) await this.#send(step.value);
      subscription.complete();
    } catch (error) {
      if (!subscription.isOver) subscription.fail([renderer.shown(error, request.context)]);
    }
  }

  end(): void {
    this.count.open--;
    if (!this.#hasEnded) void this.#endValues();
  }

  /**
   * The next value, or the end once the subscription is over or its socket has closed. A closed socket is never full, so
   * a source stream that never waits would otherwise hold the event loop, and the subscription would not hear of the
   * close.
   */
  async #next(): Promise<IteratorResult<unknown>> {
    const { connection } = this.subscription;
    // A slow reader slows down the source stream.
    while (connection.isFull) await connection.drained();
    if (this.subscription.isOver || connection.closed) return OVER;
    try {
      const step = await this.values.next();
      this.#hasEnded = step.done === true;
      return this.subscription.isOver || connection.closed ? OVER : step;
    } catch (error) {
      this.#hasEnded = true;
      throw error;
    }
  }

  async #send(root: unknown): Promise<void> {
    const { operation, variant, context } = this.request;
    const result = await operation.execute(root, context, variant);
    if (!this.subscription.isOver) this.subscription.next(this.renderer.result(result, context));
  }

  async #endValues(): Promise<void> {
    try {
      await this.values.return?.();
    } catch (error) {
      // Nobody hears of it: the client has left the subscription, or has got another error.
      this.renderer.shown(error, this.request.context);
    }
  }
}
