import type { Position } from './cursor.js';
import type { TopicEvent } from './topic-event.js';
import type { Topic, TopicDefinition } from './topic.js';

/** What to read from a topic in a shared store. */
export interface ReadOptions {
  /** Every event after it; null for an invalid cursor, undefined if none was given. */
  readonly since: Position | null | undefined;
  /** What to read without a cursor. A cursor that cannot be used gets no history, at most the last event. */
  readonly otherwise: TopicDefinition['onSubscribe'];
}

/** The state of a topic at one moment. */
export interface TopicReading {
  readonly position: Position;
  /** Whether everything since the requested position is in `events`; undefined if none was requested. */
  readonly recovered: boolean | undefined;
  /** In order; the last one is at `position`. */
  readonly events: readonly TopicEvent[];
}

/** A topic's position on this node. */
export interface TopicPlace {
  readonly topic: Topic;
  readonly position: Position;
}

/** What a shared store tells about topics, besides their events. */
export interface TopicPositions {
  /** The store's clock, in ms since the epoch. */
  readonly nowMs: number;
  /**
   * Which of these topics are at another position in the store.
   *
   * @throws UnavailableError when the store is unavailable
   */
  differing<T extends TopicPlace>(places: readonly T[]): Promise<readonly T[]>;
  /**
   * When an event was published, by the store's clock; null if it is no longer in the history.
   *
   * @throws UnavailableError when the store is unavailable
   */
  publishedAtMs(topic: Topic, offset: number): Promise<number | null>;
}
