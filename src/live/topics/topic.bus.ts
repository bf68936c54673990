import type { Position } from './cursor.js';
import type { TopicEvent } from './topic-event.js';
import type { Topic } from './topic.js';

/** How long an idempotency key is remembered, in milliseconds (protocol: 5 minutes). */
export const IDEMPOTENCY_WINDOW_MS = 300_000;

/** One event to publish. */
export interface Publication {
  readonly topic: Topic;
  /** A JSON value, checked against the feed's type where it enters. */
  readonly payload: unknown;
  /** With the same key of the same publisher within 5 minutes the first cursor comes back and nothing is delivered twice. */
  readonly key?: string;
  /** Who publishes: its keys and what its events take in memory are counted for itself. Default: this server. */
  readonly publisher?: string;
  /** What `payload` takes in memory, in bytes, where that is known already. */
  readonly bytes?: number;
  /** What the publisher sent, where `payload` was completed from it: the key belongs to this. Default: `payload`. */
  readonly submitted?: unknown;
}

/** What became of one publication. The event is in history when this is returned. */
export type PublishOutcome =
  | { readonly ok: true; readonly cursor: string; readonly duplicate: boolean }
  /** The key was used for another payload; nothing was delivered. */
  | { readonly ok: false; readonly reason: 'key-reused' }
  /** The part of the store where its topic lives is away; others of the same call were published. Nothing was delivered, or the answer was lost. */
  | { readonly ok: false; readonly reason: 'unavailable' };

/**
 * Where a subscription's events go. The bus calls it synchronously, in order, each event once.
 * It must not throw and must not block: it hands the event on, or bounds its own queue.
 */
export interface TopicSink {
  /**
   * Called once, when the store has confirmed and before the first event.
   *
   * @param recovered after a resume: whether every missed event is sent now; else undefined
   * @param position where the topic is: behind the events that are sent at once, or where a subscription without any begins
   */
  confirmed(recovered: boolean | undefined, position: Position): void;
  /**
   * Called for each event: first what was missed (or what the topic's definition gives a new subscriber), then live ones.
   *
   * @param event shared by all local subscribers
   */
  event(event: TopicEvent): void;
  /** Called once when the bus ends the subscription, at a gap that history cannot fill: the subscriber resumes or starts anew. No event follows. Not called after `end()`. */
  ended(): void;
}

/** A confirmed subscription: nothing published from now on is missed. */
export interface TopicSubscription {
  /** Stops. No event follows; calling it again does nothing. */
  end(): void;
}

/**
 * The port between feeds and delivery. Implementations: in memory (one process) and Redis (many nodes).
 * One contract suite, test/contract/topic-bus.contract.ts, says what both must hold.
 *
 * Offsets of a topic rise by one. Each event reaches a subscription at most once and in order.
 */
export abstract class TopicBus {
  /**
   * Appends each event to its topic's history and sends it to the topic's subscribers on every node.
   * Outcomes stand in the order of the publications; several for one topic keep their order.
   *
   * Up to 1,000 publications go all together or not at all (on a Redis Cluster: those of one topic; where some shards are
   * away, their publications' outcome is `unavailable`).
   *
   * @throws UnavailableError when the store is away and nothing was published; an answer that was lost on the way back is told apart by its keys
   */
  abstract publish(publications: readonly Publication[]): Promise<readonly PublishOutcome[]>;

  /**
   * Subscribes a sink to a topic and resolves when the store has confirmed it.
   * The sink may be called before the promise resolves.
   *
   * @param resume the cursor of the last event that the subscriber has, as it came from outside
   * @throws UnavailableError when the store is away
   */
  abstract subscribe(topic: Topic, sink: TopicSink, resume?: unknown): Promise<TopicSubscription>;

  /**
   * Forgets a topic's history and position, when its owner is gone. Cursors of it lead nowhere from now on.
   *
   * @throws UnavailableError when the store is away; the history then ends with its time
   */
  abstract forget(topic: Topic): Promise<void>;
}
