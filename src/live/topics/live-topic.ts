import { UnavailableError } from '../errors/sallyport.errors.js';
import type { Position } from './cursor.js';
import type { TopicEvent } from './topic-event.js';
import type { Topic } from './topic.js';
import { SubscriberSet } from './subscriber-set.js';
import type { TopicSink, TopicSubscription } from './topic.bus.js';
import type { TopicReading } from './topic-reading.js';

/** The most live events that wait while a gap is filled; beyond that the gap is read again. */
const HELD = 256;
/** The most live events that wait for a joining subscriber, which reads the history in one round trip. */
const JOIN_BUFFER = 1_024;

/** What the topics of a bus need from it. One object serves all topics: one per topic would take 500 bytes each. */
export interface LiveTopicHost {
  /** Whether events may be delivered right now. */
  mayDeliver(): boolean;
  /** Reads a topic's history after a position; resolves when it may be delivered, as far as this node knows. */
  read(topic: Topic, since: Position): Promise<TopicReading>;
  /** Called with each live event. */
  received(topic: Topic, event: TopicEvent): void;
  /** Called with the oldest event of a gap that was filled. */
  filled(topic: Topic, event: TopicEvent): void;
  /** Called when messages were missed, with whether the history had them. */
  gap(outcome: 'filled' | 'lost'): void;
  /** Called when the store has started another epoch, which may affect all topics. */
  epochChanged(): void;
  /** Called when a topic's last subscriber has left. */
  emptied(live: LiveTopic): void;
}

/**
 * One subscription of a topic on this node. It has no position of its own: the topic passes it each event once and in
 * order, and it accepts those after the history that it has read.
 */
export class TopicSubscriber implements TopicSubscription {
  /** The live events since it was added. Null once it has joined. */
  #buffer: TopicEvent[] | null = [];
  #joinedAt = 0;
  #isOver = false;

  /** Adds itself to the topic: its events wait until it joins. */
  constructor(
    private readonly live: LiveTopic,
    private readonly sink: TopicSink,
  ) {
    live.add(this);
  }

  /** Whether it has ended, for any reason. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * Sends the first events, then those that arrived in the meantime, and is live from then on. If the two do not meet
   * at the topic's position it ends with a gap.
   *
   * @throws UnavailableError when more events arrived than may wait
   */
  join({ position, recovered, events }: TopicReading, topic: Position): void {
    const buffered = this.#buffer;
    if (this.#isOver || !buffered) return;
    if (buffered.length > JOIN_BUFFER) throw new UnavailableError();
    this.#buffer = null;
    this.#joinedAt = position.offset;
    if (position.epoch !== topic.epoch || position.offset < topic.offset - buffered.length) return this.endAtGap();
    this.sink.confirmed(recovered, position);
    for (const event of events) if (!this.#isOver) this.sink.event(event);
    for (const event of buffered) this.receive(event);
  }

  /** Receives the topic's next event. Events that its history already contained are dropped. */
  receive(event: TopicEvent): void {
    if (this.#isOver) return;
    if (!this.#buffer) {
      if (event.offset > this.#joinedAt) this.sink.event(event);
    } else if (this.#buffer.length <= JOIN_BUFFER) this.#buffer.push(event);
  }

  /** Ends it at the subscriber's request: it leaves the topic and is not notified. */
  end(): void {
    this.stop();
    this.live.remove(this);
  }

  /** Receives nothing from now on. */
  stop(): void {
    this.#isOver = true;
    this.#buffer &&= [];
  }

  /**
   * The topic lost events: a live subscriber ends and is notified; one that has not joined drops its buffered events.
   */
  eventsLost(): void {
    if (this.#buffer) this.#buffer = [];
    else this.endAtGap();
  }

  /** Ends it because of a gap that history cannot fill, and notifies the subscriber. */
  endAtGap(): void {
    if (this.#isOver) return;
    this.stop();
    this.sink.ended();
  }
}

/**
 * One topic with subscribers on this node: it receives each event once for all of them. It tracks its position, so that
 * skipped offsets are detected: the gap is filled from history, or every subscription ends.
 */
export class LiveTopic {
  readonly #subscribers = new SubscriberSet<TopicSubscriber>();
  #position: Position | null = null;
  #held: TopicEvent[] | null = null;
  #mayHaveMissed = false;
  /** No event since the last comparison with the store. */
  isQuiet = false;

  constructor(
    readonly topic: Topic,
    private readonly host: LiveTopicHost,
  ) {}

  /** The topic's position on this node; null until the first subscriber has joined. */
  get position(): Position | null {
    return this.#position;
  }

  /** Adds a subscriber; its events wait until it joins. Called by the subscriber. */
  add(subscriber: TopicSubscriber): void {
    this.#subscribers.add(subscriber);
  }

  /** Lets a subscriber join with the history that was read. */
  join(subscriber: TopicSubscriber, reading: TopicReading): void {
    if (!this.#position) {
      this.#position = reading.position;
      this.#release([]);
    }
    const { epoch } = this.#position;
    subscriber.join(reading, this.#position);
    if (subscriber.isOver) this.remove(subscriber);
    if (this.#mayHaveMissed || reading.position.epoch !== epoch) void this.catchUp();
  }

  /** Removes a subscriber that is over. When the last one leaves, the topic ends on this node. */
  remove(subscriber: TopicSubscriber): void {
    if (this.#subscribers.delete(subscriber) && this.#subscribers.isEmpty) this.host.emptied(this);
  }

  /**
   * Whether an event that has arrived is to be passed to {@link receive}. If not, it is in the history and is read from
   * there when delivery resumes, so it need not be parsed.
   */
  accepts(): boolean {
    this.isQuiet = false;
    if (this.host.mayDeliver()) return true;
    this.#mayHaveMissed = true;
    return false;
  }

  /** Handles a live event. Called after {@link accepts}, in the same turn. */
  receive(event: TopicEvent): void {
    this.#advance(event);
    this.host.received(this.topic, event);
  }

  /** Fills missed events from history. Called when events may have been missed. */
  async catchUp(): Promise<void> {
    this.#mayHaveMissed = true;
    if (!this.#position || this.#held || !this.host.mayDeliver()) return;
    this.#held = [];
    this.#mayHaveMissed = false;
    let reading: TopicReading;
    try {
      reading = await this.host.read(this.topic, this.#position);
    } catch {
      // The store is unavailable again. The next event, comparison or reconnect retries this.
      this.#held = null;
      this.#mayHaveMissed = true;
      return;
    }
    if (!reading.recovered) return this.#eventsLost(reading.position);
    const [oldest] = reading.events;
    if (oldest) {
      this.host.gap('filled');
      this.host.filled(this.topic, oldest);
    }
    this.#release(reading.events);
  }

  #advance(event: TopicEvent): void {
    if (!this.#position) return this.#hold(event);
    // It may be an old one that arrives late. Held, it would be read for again and again.
    if (event.epoch !== this.#position.epoch) return void this.catchUp();
    if (this.#held) return this.#hold(event);
    if (event.offset <= this.#position.offset) return;
    if (event.offset > this.#position.offset + 1 || this.#mayHaveMissed) {
      void this.catchUp();
      return this.#holdDuringRead(event);
    }
    this.#position = event;
    event.trace?.begin(this.topic.definition.name);
    this.#subscribers.each((subscriber) => {
      subscriber.receive(event);
      if (subscriber.isOver) this.remove(subscriber);
    });
    event.trace?.release();
  }

  /**
   * Drops the event if no read has begun: the next read finds it. Held, it would block the topic, since only the end of
   * a read releases held events.
   */
  #holdDuringRead(event: TopicEvent): void {
    if (this.#held) this.#hold(event);
  }

  #hold(event: TopicEvent): void {
    this.#held ??= [];
    if (this.#held.length < HELD) this.#held.push(event);
  }

  /**
   * Delivers the events that had to wait, after those before them. What may have been missed meanwhile is read next:
   * that must not keep these back, or a topic with many events would be read again and again.
   */
  #release(earlier: readonly TopicEvent[]): void {
    const held = this.#held ?? [];
    const mayDeliver = this.host.mayDeliver();
    const isIncomplete = this.#mayHaveMissed || held.length >= HELD || !mayDeliver;
    this.#held = null;
    this.#mayHaveMissed = false;
    for (const event of earlier) this.#advance(event);
    // The others are in the history.
    if (mayDeliver) for (const event of held) this.#advance(event);
    if (isIncomplete) void this.catchUp();
  }

  #eventsLost(found: Position): void {
    this.host.gap('lost');
    if (found.epoch !== this.#position?.epoch) this.host.epochChanged();
    this.#held = null;
    this.#position = null;
    this.#subscribers.each((subscriber) => {
      subscriber.eventsLost();
      if (subscriber.isOver) this.remove(subscriber);
    });
    // A joining subscriber may have read the history before the loss.
    this.#mayHaveMissed = !this.#subscribers.isEmpty;
  }
}
