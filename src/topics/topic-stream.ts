import type { TopicEvent } from './topic-event.js';
import type { SubscribeOptions, TopicBus, TopicSink, TopicSubscription } from './topic.bus.js';
import type { Topic } from './topic.js';

/** How many events an iterator holds for a consumer that is slower than its topic. */
const ITERATOR_QUEUE = 256;

/**
 * What a `@Subscription()` resolver returns: a viewer's topic, not yet subscribed.
 *
 * The gateway recognises it and subscribes a sink that writes straight to the socket. For any other
 * consumer it is an ordinary async iterable of root values `{ [field]: payload }`: nothing is subscribed before the first `next()`.
 */
export class TopicStream<T = unknown> implements AsyncIterable<Record<string, T>> {
  constructor(
    private readonly bus: TopicBus,
    readonly topic: Topic,
  ) {}

  /** Subscribes a sink; see {@link TopicBus.subscribe}. */
  attach(sink: TopicSink, options?: SubscribeOptions): Promise<TopicSubscription> {
    return this.bus.subscribe(this.topic, sink, options);
  }

  /**
   * The events' root values, one by one. When the consumer falls behind by more than 256 events, a `keep-latest`
   * topic drops the oldest and any other ends with an error, which is how `for await` learns of it.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<Record<string, T>, void, undefined> {
    const queue: TopicEvent[] = [];
    let failure: string | null = null;
    let wake = (): void => {};
    const subscription = await this.attach({
      event: (event) => {
        if (queue.length >= ITERATOR_QUEUE) {
          if (this.topic.definition.slowReader === 'close') failure ??= 'The reader is too slow for this topic.';
          queue.shift();
        }
        queue.push(event);
        wake();
      },
      ended: () => {
        failure ??= 'Events of this topic were lost on the way.';
        wake();
      },
    });
    try {
      for (;;) {
        if (failure) throw new Error(failure);
        const event = queue.shift();
        if (event) yield { [this.topic.definition.field]: event.payload as T };
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      subscription.end();
    }
  }
}
