import type { ViewerId } from '../viewer/viewer.js';

/** How a slow reader is treated: it gets only the newest event, or is closed so that it resumes. */
export type SlowReaderPolicy = 'keep-latest' | 'close';

/** The definition of a feed's topics, one per viewer. Declared once, with the feed. */
export interface TopicDefinition {
  /** The part of the topic's name before the owner, such as `user_count`. */
  readonly name: string;
  /** The subscription field that shows it, such as `userCount`. An event's root value is `{ [field]: payload }`. */
  readonly field: string;
  /** How many events are kept for resuming. At least 1. */
  readonly historySize: number;
  /** How long an event is kept, in seconds. */
  readonly historySeconds: number;
  /** What a new subscriber gets first: the last event, every event in history, or nothing. */
  readonly onSubscribe: 'last-event' | 'history' | 'nothing';
  readonly slowReader: SlowReaderPolicy;
  /** How long an event may wait to be written together with the socket's later ones, in milliseconds. Default: 0. */
  readonly deliverWithinMs?: number;
}

/** How long an event is kept, in whole milliseconds, as stores need it. */
export function historyMs({ historySeconds }: TopicDefinition): number {
  return Math.round(historySeconds * 1000);
}

/** One viewer's topic. Only {@link topicOf} creates one, so every topic has an owner. */
export interface Topic {
  readonly definition: TopicDefinition;
  readonly owner: ViewerId;
  /** `<definition>:<owner>`, such as `user_count:user:6f1c…`. */
  readonly name: string;
}

/**
 * The viewer's own topic of a feed. The only place where a topic's name is built.
 *
 * @param owner the id of a verified viewer, or of one that a publisher names; never an argument of a subscription
 */
export function topicOf(definition: TopicDefinition, owner: ViewerId): Topic {
  return new OwnedTopic(definition, owner);
}

/** Its name is built only when needed, since a tick creates one of these for every viewer. */
class OwnedTopic implements Topic {
  constructor(
    readonly definition: TopicDefinition,
    readonly owner: ViewerId,
  ) {}

  get name(): string {
    return `${this.definition.name}:${this.owner}`;
  }
}
