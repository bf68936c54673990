import type { Position } from '../../topics/cursor.js';
import { TopicEvent } from '../../topics/topic-event.js';
import type { Topic } from '../../topics/topic.js';
import type { SubscriptionConfirmed } from '../../topics/topic.bus.js';
import type { TopicSubscriber, TopicReading } from './topic-subscriber.js';

/** How many live events wait while a gap is filled; more than that and the gap is read again. */
const HELD = 256;

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
  join(member: TopicSubscriber, reading: TopicReading, confirmed?: SubscriptionConfirmed): void {
    if (!this.#position) {
      this.#position = reading.position;
      this.#release([]);
    }
    member.join(reading, confirmed);
    if (member.isOver) this.dismiss(member);
    if (this.#mayHaveMissed || reading.position.epoch !== this.#position.epoch) void this.catchUp();
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
      // The store is away again. The next event, comparison or reconnect comes back here.
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
      if (!member.hasJoined) continue;
      member.endAtGap();
      this.dismiss(member);
    }
  }
}
