import type { Position } from './cursor.js';
import { TopicEvent } from './topic-event.js';
import type { TopicDefinition } from './topic.js';

interface Kept {
  offset: number;
  payload: unknown;
  expiresAtMs: number;
}

/**
 * The last events of one topic, bounded by number and by age. A ring whose entries are used again: a full history
 * takes a new event without making or moving anything, and the event itself dies young.
 */
export class TopicHistory {
  readonly #ring: Kept[] = [];
  /** Where the oldest event stands, and how many follow it in the ring, itself included. */
  #first = 0;
  #count = 0;

  constructor(
    private readonly definition: TopicDefinition,
    private readonly epoch: string,
  ) {}

  /** Whether every event has expired. */
  isEmpty(nowMs: number): boolean {
    this.#expire(nowMs);
    return this.#count === 0;
  }

  append({ offset, payload }: TopicEvent, nowMs: number): void {
    const expiresAtMs = nowMs + this.definition.historySeconds * 1000;
    if (this.#count === this.definition.historySize) this.#dropFirst();
    const kept = this.#ring[this.#index(this.#count)];
    if (kept) {
      kept.offset = offset;
      kept.payload = payload;
      kept.expiresAtMs = expiresAtMs;
    } else {
      this.#ring.push({ offset, payload, expiresAtMs });
    }
    this.#count++;
  }

  /** The newest event still kept. */
  last(nowMs: number): TopicEvent | undefined {
    this.#expire(nowMs);
    return this.#count === 0 ? undefined : this.#event(this.#count - 1);
  }

  /** Every event still kept, in order. They follow each other without a hole and end at the topic's newest position. */
  all(nowMs: number): readonly TopicEvent[] {
    this.#expire(nowMs);
    return this.#newest(this.#count);
  }

  /**
   * Every event after a position, or null when that cannot be told in full: another epoch, trimmed, or from the future.
   *
   * @param top the topic's newest position, also where its events have expired
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
    // Expired payloads are let go of: with an empty history nothing of the ring is needed.
    if (this.#count === 0 && this.#ring.length > 0) {
      this.#ring.length = 0;
      this.#first = 0;
    }
  }

  #dropFirst(): void {
    this.#first = (this.#first + 1) % this.definition.historySize;
    this.#count--;
  }

  #index(place: number): number {
    return (this.#first + place) % this.definition.historySize;
  }
}
