import type { TopicEvent } from './topic-event.js';
import type { TopicBus, TopicSink, TopicSubscription } from './topic.bus.js';
import type { Topic } from './topic.js';

/** How many events an iterator holds for a consumer that is slower than its topic. */
const ITERATOR_QUEUE = 256;

/**
 * The return value of a `@Subscription()` resolver: a viewer's topic, not yet subscribed.
 *
 * The gateway recognises it and subscribes a sink that writes directly to the socket. For any other consumer it is an
 * ordinary async iterable of root values `{ [field]: payload }`, which subscribes at the first `next()`.
 */
export class TopicStream<T = unknown> implements AsyncIterableIterator<Record<string, T>> {
  #iterator: TopicIterator<T> | null = null;
  /** Private also at run time: a serializer of the application's calls every function that it finds in a result. */
  readonly #bus: TopicBus;

  constructor(
    bus: TopicBus,
    readonly topic: Topic,
  ) {
    this.#bus = bus;
  }

  /** Subscribes a sink; see {@link TopicBus.subscribe}. */
  attach(sink: TopicSink, resume?: unknown): Promise<TopicSubscription> {
    return this.#bus.subscribe(this.topic, sink, resume);
  }

  /**
   * The events' root values, one by one. When the consumer falls behind by more than 256 events, a `keep-latest` topic
   * drops the oldest and any other ends with an error, which `for await` throws.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<Record<string, T>> {
    return new TopicIterator<T>(this);
  }

  /** The next root value. Apollo's driver calls it for a `@Subscription()` with `filter`. */
  next(): Promise<IteratorResult<Record<string, T>, undefined>> {
    return this.#own.next();
  }

  /** Ends what {@link next} has subscribed. */
  return(): Promise<IteratorResult<Record<string, T>, undefined>> {
    return this.#own.return();
  }

  /** For a consumer that calls {@link next} of the stream itself. */
  get #own(): TopicIterator<T> {
    return (this.#iterator ??= new TopicIterator<T>(this));
  }
}

/**
 * Not an async generator, because its `return()` would wait for a pending `next()`, which on a quiet topic may never
 * resolve.
 */
class TopicIterator<T> implements AsyncIterableIterator<Record<string, T>>, TopicSink {
  readonly #queue: TopicEvent[] = [];
  #failure: Error | null = null;
  #done = false;
  #subscription: Promise<TopicSubscription> | undefined;
  /** Wakes the calls of {@link next} that wait, which then ask again in their order. */
  readonly #waiting: (() => void)[] = [];

  constructor(private readonly stream: TopicStream<T>) {}

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Record<string, T>, undefined>> {
    if (!this.#done) await (this.#subscription ??= this.stream.attach(this));
    for (;;) {
      if (this.#done) return { done: true, value: undefined };
      if (this.#failure) {
        await this.return();
        throw this.#failure;
      }
      const event = this.#queue.shift();
      if (event) return { done: false, value: { [this.stream.topic.definition.field]: event.payload as T } };
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  async return(): Promise<IteratorResult<Record<string, T>, undefined>> {
    this.#done = true;
    this.#queue.length = 0;
    this.#wake();
    void this.#subscription?.then(
      (subscription) => subscription.end(),
      () => {},
    );
    return { done: true, value: undefined };
  }

  confirmed(): void {}

  event(event: TopicEvent): void {
    if (this.#done) return;
    if (this.#queue.length >= ITERATOR_QUEUE) {
      if (this.stream.topic.definition.slowReader === 'close')
        this.#failure ??= new Error('The reader is too slow for this topic.');
      this.#queue.shift();
    }
    this.#queue.push(event);
    this.#wake();
  }

  ended(): void {
    this.#failure ??= new Error('Events of this topic were lost on the way.');
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
