import type { Position } from '../../topics/cursor.js';
import type { BoundedHistory, PublisherShare, HistoryBudget } from './history-budget.js';
import { TopicEvent } from '../../topics/topic-event.js';
import type { Topic } from '../../topics/topic.js';

interface Kept {
  offset: number;
  payload: unknown;
  expiresAtMs: number;
  payloadBytes: number;
  share: PublisherShare;
}

const NO_SHARES: readonly PublisherShare[] = [];
/** The ring of every empty history; never changed. */
const NOTHING: Kept[] = [];

/**
 * The last events of one topic, limited by number, by age, and in bytes together with all other histories. A ring
 * buffer whose entries are reused, so that a full history adds an event without allocating or moving anything.
 */
export class TopicHistory implements BoundedHistory {
  shares = NO_SHARES;
  #ring: Kept[] = NOTHING;
  /** The index of the oldest event, and the number of events in the ring. */
  #first = 0;
  #count = 0;

  constructor(
    readonly topic: Topic,
    private readonly epoch: string,
    private readonly budget: HistoryBudget,
  ) {}

  get count(): number {
    return this.#count;
  }

  get holdsState(): boolean {
    return this.topic.definition.slowReader === 'keep-latest';
  }

  /** Whether every event has expired. */
  isEmpty(nowMs: number): boolean {
    this.#expire(nowMs);
    return this.#count === 0;
  }

  /**
   * Keeps an event.
   *
   * @param publisher the event's publisher
   * @param payloadBytes the memory of its payload
   */
  append({ offset, payload }: TopicEvent, publisher: string, payloadBytes: number, nowMs: number): void {
    const { historySize, historySeconds } = this.topic.definition;
    const expiresAtMs = nowMs + historySeconds * 1000;
    const share = this.budget.addEvent(this, publisher, payloadBytes);
    if (this.#count === historySize) this.#dropFirst();
    const kept = this.#ring[this.#index(this.#count)];
    if (kept) {
      kept.offset = offset;
      kept.payload = payload;
      kept.expiresAtMs = expiresAtMs;
      kept.payloadBytes = payloadBytes;
      kept.share = share;
    } else {
      const added = { offset, payload, expiresAtMs, payloadBytes, share };
      // An array literal has exactly the capacity of its elements; one that is pushed to reserves room for seventeen.
      if (this.#ring.length === 0) this.#ring = [added];
      else this.#ring.push(added);
    }
    this.#count++;
    this.budget.touch(share);
  }

  cutTo(count: number): void {
    while (this.#count > count) this.#dropFirst();
    this.#ring = Array.from({ length: this.#count }, (_, place) => this.#ring[this.#index(place)]!);
    this.#first = 0;
  }

  /** The newest event in the history. */
  last(nowMs: number): TopicEvent | undefined {
    this.#expire(nowMs);
    return this.#count === 0 ? undefined : this.#event(this.#count - 1);
  }

  /** All events in the history, in order, without gaps up to the topic's newest position. */
  all(nowMs: number): readonly TopicEvent[] {
    this.#expire(nowMs);
    return this.#newest(this.#count);
  }

  /**
   * All events after a position, or null if they are not all available: another epoch, trimmed, or in the future.
   *
   * @param top the topic's newest position, also if its events have expired
   */
  since(position: Position, top: Position, nowMs: number): readonly TopicEvent[] | null {
    if (position.epoch !== top.epoch || position.offset > top.offset) return null;
    this.#expire(nowMs);
    const missed = top.offset - position.offset;
    if (missed > this.#count) return null;
    return this.#newest(missed);
  }

  #newest(count: number): readonly TopicEvent[] {
    const from = this.#count - count;
    return Array.from({ length: count }, (_, index) => this.#event(from + index));
  }

  #event(place: number): TopicEvent {
    const { offset, payload } = this.#ring[this.#index(place)]!;
    return new TopicEvent(this.epoch, offset, payload);
  }

  #expire(nowMs: number): void {
    while (this.#count > 0 && this.#ring[this.#first]!.expiresAtMs <= nowMs) this.#dropFirst();
    // An empty history does not need the ring.
    if (this.#count === 0 && this.#ring.length > 0) {
      this.#ring = NOTHING;
      this.#first = 0;
    }
  }

  #dropFirst(): void {
    const kept = this.#ring[this.#first]!;
    kept.payload = undefined;
    this.budget.removeEvent(kept.share, kept.payloadBytes);
    this.#first = (this.#first + 1) % this.topic.definition.historySize;
    this.#count--;
  }

  #index(place: number): number {
    return (this.#first + place) % this.topic.definition.historySize;
  }
}
