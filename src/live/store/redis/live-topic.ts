import { UnavailableError } from '../../errors/sallyport.errors.js';
import type { Position } from '../../topics/cursor.js';
import { TopicEvent } from '../../topics/topic-event.js';
import type { Topic } from '../../topics/topic.js';
import type { TopicSink } from '../../topics/topic.bus.js';
import type { TopicReading } from './topic-store.js';

/** How many live events wait while a gap is filled; more than that and the gap is read again. */
const HELD = 256;
/** How many live events wait for one that is joining. Its look at the history takes one round trip. */
const JOIN_BUFFER = 1_024;

/** What a topic asks of the bus that holds it. */
export interface LiveTopicHost {
  /** Whether events may be delivered right now. */
  mayDeliver(): boolean;
  /** Reads what the history holds after a position; resolves when it may be delivered, as far as anybody can tell. */
  read(since: Position): Promise<TopicReading>;
  /** Called with each event that came live. */
  heard(event: TopicEvent): void;
  /** Called with the oldest event of a gap that was filled. */
  filled(event: TopicEvent): void;
  /** Called when messages were missed: the history had them, or it had not. */
  noticed(outcome: 'filled' | 'lost'): void;
  /** Called when the store has begun another epoch: what became of this topic may have become of all. */
  forgotten(): void;
  /** Called when the last subscriber has left. */
  abandoned(): void;
}

/**
 * One subscription of a topic on this node. It has no position of its own: the topic hands it each event once and in order,
 * and it takes those that come after what the history told it.
 */
export class TopicSubscriber {
  /** What came live since it was admitted: the last events that the topic has passed. Null once it has joined. */
  #buffer: TopicEvent[] | null = [];
  #joinedAt = 0;
  #isOver = false;

  constructor(private readonly sink: TopicSink) {}

  /** Whether it has ended, by whosever wish. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * Sends the first events, then what came in meanwhile, and is live from here on.
   * Where the two do not meet at the topic's position it ends with a gap.
   *
   * @throws UnavailableError when more came in than can wait
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
    for (const event of buffered) this.take(event);
  }

  /** Takes the topic's next event. What its history has sent already is dropped. */
  take(event: TopicEvent): void {
    if (this.#isOver) return;
    if (!this.#buffer) {
      if (event.offset > this.#joinedAt) this.sink.event(event);
    } else if (this.#buffer.length <= JOIN_BUFFER) this.#buffer.push(event);
  }

  /** Ends it as the subscriber wishes, who is told nothing. */
  end(): void {
    this.#isOver = true;
    this.#buffer &&= [];
  }

  /** The topic lost events: one that was live ends, and is told; one that joins later has no use for what it has heard. */
  lose(): void {
    if (this.#buffer) this.#buffer = [];
    else this.endAtGap();
  }

  /** Ends it because of a gap that history cannot fill, and tells the subscriber. */
  endAtGap(): void {
    if (this.#isOver) return;
    this.end();
    this.sink.ended();
  }
}

/**
 * One topic with subscribers on this node: a single Redis subscription, and one parse per event for all of them.
 * Knows the position it has reached, so an event that skips one is noticed: the gap is filled from history,
 * or every subscription ends with `gap`.
 */
export class LiveTopic {
  readonly #members = new Set<TopicSubscriber>();
  #position: Position | null = null;
  #held: TopicEvent[] | null = null;
  #mayHaveMissed = false;
  /** No event since the last comparison with the store. */
  isQuiet = false;

  constructor(
    readonly topic: Topic,
    private readonly host: LiveTopicHost,
  ) {}

  /** Where the topic stands here; null until the first subscriber has joined. */
  get position(): Position | null {
    return this.#position;
  }

  /** Adds a subscriber; its events wait until it joins. */
  admit(member: TopicSubscriber): void {
    this.#members.add(member);
  }

  /** Lets an admitted subscriber join with what the history said. */
  join(member: TopicSubscriber, reading: TopicReading): void {
    if (!this.#position) {
      this.#position = reading.position;
      this.#release([]);
    }
    const { epoch } = this.#position;
    member.join(reading, this.#position);
    if (member.isOver) this.dismiss(member);
    if (this.#mayHaveMissed || reading.position.epoch !== epoch) void this.catchUp();
  }

  /** Removes a subscriber. The last one to leave ends the topic here. */
  dismiss(member: TopicSubscriber): void {
    member.end();
    if (this.#members.delete(member) && this.#members.size === 0) this.host.abandoned();
  }

  /** Takes a message of the topic's channel: `<epoch> <offset> <payload>`. */
  receive(message: string): void {
    this.isQuiet = false;
    if (!this.host.mayDeliver()) {
      // It stays in the history, from where it is read when delivery goes on.
      this.#mayHaveMissed = true;
      return;
    }
    const afterEpoch = message.indexOf(' ');
    const afterOffset = message.indexOf(' ', afterEpoch + 1);
    const offset = Number(message.slice(afterEpoch + 1, afterOffset));
    const payload: unknown = JSON.parse(message.slice(afterOffset + 1));
    const event = new TopicEvent(message.slice(0, afterEpoch), offset, payload);
    this.#advance(event);
    this.host.heard(event);
  }

  /** Fills from history what the live path has missed, if it has. Called when there is reason to think so. */
  async catchUp(): Promise<void> {
    this.#mayHaveMissed = true;
    if (!this.#position || this.#held || !this.host.mayDeliver()) return;
    this.#held = [];
    this.#mayHaveMissed = false;
    let reading: TopicReading;
    try {
      reading = await this.host.read(this.#position);
    } catch {
      // The store is unavailable again. The next event, comparison or reconnect comes back here.
      this.#held = null;
      this.#mayHaveMissed = true;
      return;
    }
    if (!reading.recovered) return this.#lose(reading.position);
    const [oldest] = reading.events;
    if (oldest) {
      this.host.noticed('filled');
      this.host.filled(oldest);
    }
    this.#release(reading.events);
  }

  #advance(event: TopicEvent): void {
    if (!this.#position || this.#held) return this.#hold(event);
    const isSameEpoch = event.epoch === this.#position.epoch;
    if (isSameEpoch && event.offset <= this.#position.offset) return;
    if (!isSameEpoch || event.offset > this.#position.offset + 1 || this.#mayHaveMissed) {
      void this.catchUp();
      return this.#hold(event);
    }
    this.#position = event;
    for (const member of this.#members) {
      member.take(event);
      if (member.isOver) this.dismiss(member);
    }
  }

  #hold(event: TopicEvent): void {
    this.#held ??= [];
    if (this.#held.length < HELD) this.#held.push(event);
  }

  /** Lets the events go on that had to wait, after those that go before them. */
  #release(earlier: readonly TopicEvent[]): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const event of earlier) this.#advance(event);
    for (const event of held) this.#advance(event);
    if (held.length >= HELD || this.#mayHaveMissed) void this.catchUp();
  }

  #lose(found: Position): void {
    this.host.noticed('lost');
    if (found.epoch !== this.#position?.epoch) this.host.forgotten();
    this.#held = null;
    this.#position = null;
    for (const member of [...this.#members]) {
      member.lose();
      if (member.isOver) this.dismiss(member);
    }
    // Who is joining may have read the history before the loss.
    this.#mayHaveMissed = this.#members.size > 0;
  }
}
