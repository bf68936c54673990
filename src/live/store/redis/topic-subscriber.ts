import { UnavailableError } from '../../errors/sallyport.errors.js';
import type { Position } from '../../topics/cursor.js';
import type { TopicEvent } from '../../topics/topic-event.js';
import type { SubscriptionConfirmed, TopicSink } from '../../topics/topic.bus.js';

/** How many live events wait for one that is joining. Its look at the history takes one round trip. */
const JOIN_BUFFER = 1_024;

/** What the store said of a topic at one moment. */
export interface TopicReading {
  readonly position: Position;
  /** Whether everything since the asked-for position is in `events`; undefined where none was asked for. */
  readonly recovered: boolean | undefined;
  /** In order; the last one stands at `position`. */
  readonly events: readonly TopicEvent[];
}

/** One subscription of a topic on this node: joins what the history said with what arrives live, by offset. */
export class TopicSubscriber {
  #position: Position | null = null;
  #buffer: TopicEvent[] = [];
  #isOver = false;

  constructor(private readonly sink: TopicSink) {}

  /** Whether it gets events already. */
  get hasJoined(): boolean {
    return this.#position !== null;
  }

  /** Whether it has ended, by whosever wish. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * Sends the first events, then what came in meanwhile, and is live from here on.
   *
   * @throws UnavailableError when more came in than can wait
   */
  join(reading: TopicReading, confirmed: SubscriptionConfirmed | undefined): void {
    if (this.#isOver) return;
    if (this.#buffer.length > JOIN_BUFFER) throw new UnavailableError();
    const buffered = this.#buffer;
    this.#buffer = [];
    this.#position = reading.position;
    confirmed?.(reading.recovered, reading.position);
    for (const event of reading.events) if (!this.#isOver) this.sink.event(event);
    for (const event of buffered) this.take(event);
  }

  /** Takes the topic's next event. One that was sent already is dropped; one that leaves a gap ends the subscription. */
  take(event: TopicEvent): void {
    if (this.#isOver) return;
    if (!this.#position) {
      if (this.#buffer.length <= JOIN_BUFFER) this.#buffer.push(event);
      return;
    }
    const isSameEpoch = event.epoch === this.#position.epoch;
    if (isSameEpoch && event.offset <= this.#position.offset) return;
    if (!isSameEpoch || event.offset > this.#position.offset + 1) return this.endAtGap();
    this.#position = event;
    this.sink.event(event);
  }

  /** Ends it as the subscriber wishes, who is told nothing. */
  end(): void {
    this.#isOver = true;
    this.#buffer = [];
  }

  /** Ends it because of a gap that history cannot fill, and tells the subscriber. */
  endAtGap(): void {
    if (this.#isOver) return;
    this.end();
    this.sink.ended();
  }
}
