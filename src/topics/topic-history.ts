import type { Position } from './cursor.js';
import type { TopicEvent } from './topic-event.js';
import type { TopicDefinition } from './topic.js';

interface Kept {
  readonly event: TopicEvent;
  readonly expiresAtMs: number;
}

/** The last events of one topic, bounded by number and by age. */
export class TopicHistory {
  readonly #kept: Kept[] = [];

  constructor(private readonly definition: TopicDefinition) {}

  /** Whether every event has expired. */
  isEmpty(nowMs: number): boolean {
    this.#trim(nowMs);
    return this.#kept.length === 0;
  }

  append(event: TopicEvent, nowMs: number): void {
    this.#kept.push({ event, expiresAtMs: nowMs + this.definition.historySeconds * 1000 });
    this.#trim(nowMs);
  }

  /** The newest event still kept. */
  last(nowMs: number): TopicEvent | undefined {
    this.#trim(nowMs);
    return this.#kept.at(-1)?.event;
  }

  /**
   * Every event after a position, or null when that cannot be told in full: another epoch, trimmed, or from the future.
   *
   * @param top the topic's newest position, also where its events have expired
   */
  since(position: Position, top: Position, nowMs: number): readonly TopicEvent[] | null {
    if (position.epoch !== top.epoch || position.offset > top.offset) return null;
    this.#trim(nowMs);
    const missed = top.offset - position.offset;
    if (missed > this.#kept.length) return null;
    return this.#kept.slice(this.#kept.length - missed).map((kept) => kept.event);
  }

  #trim(nowMs: number): void {
    const surplus = this.#kept.length - this.definition.historySize;
    const fresh = this.#kept.findIndex((kept) => kept.expiresAtMs > nowMs);
    const gone = Math.max(surplus, fresh === -1 ? this.#kept.length : fresh);
    if (gone > 0) this.#kept.splice(0, gone);
  }
}
