import type { SpanContext } from '@opentelemetry/api';
import type { Position } from './cursor.js';
import type { TopicEvent } from './topic-event.js';
import type { Topic } from './topic.js';

/** How long an idempotency key is remembered, in milliseconds (protocol: 5 minutes). */
export const IDEMPOTENCY_WINDOW_MS = 300_000;

/** One event to publish. */
export interface Publication {
  readonly topic: Topic;
  /** A JSON value that was checked against the feed's type. */
  readonly payload: unknown;
  /**
   * If the same publisher repeats a key within 5 minutes, the first cursor is returned and nothing is delivered again.
   */
  readonly key?: string;
  /** The publisher, whose idempotency keys and memory are counted separately. Default: this server. */
  readonly publisher?: string;
  /** The memory of `payload` in bytes, if already known. */
  readonly bytes?: number;
  /** What the publisher sent, if `payload` was completed from it; the key is compared with this. Default: `payload`. */
  readonly submitted?: unknown;
  /**
   * The row of the outbox that it comes from. A store in the same database removes the row in the same transaction
   * unless the key was used for another payload, and publishes nothing if it is gone: then the outcome is a duplicate
   * with an empty cursor. Others ignore it.
   */
  readonly outboxRow?: string;
  /** The span that publishes it, if its trace is sampled. It travels with the live event and is not in history. */
  readonly trace?: SpanContext | undefined;
}

/** The outcome of one publication. The event is in history when this is returned. */
export type PublishOutcome =
  | { readonly ok: true; readonly cursor: string; readonly duplicate: boolean }
  /** The key was used for another payload; nothing was delivered. */
  | { readonly ok: false; readonly reason: 'key-reused' }
  /**
   * The part of the store with its topic is unavailable; others of the same call were published. Nothing was delivered,
   * or the reply was lost.
   */
  | { readonly ok: false; readonly reason: 'unavailable' };

/**
 * Receives a subscription's events. The bus calls it synchronously, in order, once per event. It must not throw or
 * block: it passes the event on, or limits its own queue.
 */
export interface TopicSink {
  /**
   * Called once, after the store's confirmation and before the first event.
   *
   * @param recovered after a resume: whether every missed event is sent now; else undefined
   * @param position the topic's position: after the events that are sent at once, or where a subscription without any
   * starts
   */
  confirmed(recovered: boolean | undefined, position: Position): void;
  /**
   * Called for each event: first what was missed (or what the topic's definition gives a new subscriber), then live ones.
   *
   * @param event shared by all local subscribers
   */
  event(event: TopicEvent): void;
  /**
   * Called once when the bus ends the subscription because of a gap that history cannot fill: the subscriber must
   * resume or subscribe again. No event follows. Not called after `end()`.
   */
  ended(): void;
}

/** A confirmed subscription: nothing published from now on is missed. */
export interface TopicSubscription {
  /** Stops. No event follows; calling it again does nothing. */
  end(): void;
}

/** Which part of a topic's history to read. */
export interface HistoryRange {
  /** The cursor of the last event that the reader has, not yet verified. Default: from the oldest event. */
  readonly after?: unknown;
  /** The most events to return: 1 to 1,000. */
  readonly limit: number;
}

/** A part of a topic's history. */
export interface HistoryPage {
  /** Oldest first, with offsets that increase by one. The next page is what comes after the last one. */
  readonly events: readonly TopicEvent[];
  /**
   * Whether the first event is the one directly after `after`, or there is none after it. False, and no events: the
   * cursor is invalid or of another topic, or what came directly after it is no longer kept. True without `after`.
   */
  readonly recovered: boolean;
}

/**
 * The port between feeds and delivery. Implementations: in memory (one process), PostgreSQL and Redis (many nodes). The
 * contract suite test/contract/topic-bus.contract.ts tests each.
 *
 * Offsets of a topic increase by one. Each event reaches a subscription at most once and in order.
 */
export abstract class TopicBus {
  /**
   * Appends each event to its topic's history and sends it to the topic's subscribers on every node. Outcomes are in
   * the order of the publications; several for one topic keep their order.
   *
   * Up to 1,000 publications are all published or none (on a Redis Cluster: those of one topic; the outcome for
   * unavailable shards is `unavailable`).
   *
   * @throws UnavailableError when the store is unavailable and nothing was published, or the reply was lost; with
   * idempotency keys it is safe to retry
   */
  abstract publish(publications: readonly Publication[]): Promise<readonly PublishOutcome[]>;

  /**
   * Subscribes a sink to a topic and resolves when the store has confirmed it.
   * The sink may be called before the promise resolves.
   *
   * @param resume the cursor of the last event that the subscriber has, not yet verified
   * @throws UnavailableError when the store is unavailable
   */
  abstract subscribe(topic: Topic, sink: TopicSink, resume?: unknown): Promise<TopicSubscription>;

  /**
   * Reads a part of a topic's history for someone who does not subscribe. It contains what a new subscriber to the
   * history would get: no event that is too old, trimmed, or of an earlier epoch. A topic without events has an empty
   * history; reading creates nothing, extends nothing, and delays no delivery.
   *
   * @throws UnavailableError when the store is unavailable
   */
  abstract history(topic: Topic, range: HistoryRange): Promise<HistoryPage>;

  /**
   * Deletes a topic's history and position when its owner is deleted. Its cursors are invalid from then on.
   * Remaining subscriptions end at the topic's next event at the latest.
   *
   * @throws UnavailableError when the store is unavailable; the history then expires by itself
   */
  abstract forget(topic: Topic): Promise<void>;
}
