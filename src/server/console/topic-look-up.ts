import { Injectable } from '@nestjs/common';
import { NotFoundError } from '../../live/errors/sallyport.errors.js';
import { FeedRegistry } from '../../live/feeds/feed.registry.js';
import { TopicBus } from '../../live/topics/topic.bus.js';
import type { TopicEvent } from '../../live/topics/topic-event.js';
import { type Topic, topicOf } from '../../live/topics/topic.js';
import type { ViewerId } from '../../live/viewer/viewer.js';

/** The most events of one topic that are counted, and what is read at a time. */
const MAX_COUNTED = 1_000;
const EVENTS_AT_A_TIME = 100;
/** The most events that are shown, and their size together, in characters of JSON. */
const MAX_SHOWN = 50;
const MAX_SHOWN_LENGTH = 512 * 1024;

/** A viewer's topic of one feed. */
export interface TopicState {
  readonly topic: string;
  /** The subscription field. */
  readonly field: string;
  /** How many events are in its history. */
  readonly events: number;
  /** False if there are more events than were counted; the cursor is then not the last one. */
  readonly isWhole: boolean;
  /** The cursor of the last event; null without any. */
  readonly cursor: string | null;
}

/** An event of a topic's history. */
export interface ShownEvent {
  readonly cursor: string;
  readonly payload: unknown;
}

/** Looks at the topics of one viewer. Every method throws UnavailableError when the store is unavailable. */
@Injectable()
export class TopicLookUp {
  constructor(
    private readonly feeds: FeedRegistry,
    private readonly bus: TopicBus,
  ) {}

  /** The viewer's topic of every feed, by name, without the events themselves. */
  async all(viewer: ViewerId): Promise<readonly TopicState[]> {
    const states: TopicState[] = [];
    for (const { topic: definition } of this.feeds.names.flatMap((name) => this.feeds.find(name) ?? [])) {
      let events = 0;
      let cursor: string | null = null;
      const isWhole = await this.#read(topicOf(definition, viewer), MAX_COUNTED, (event) => {
        events += 1;
        cursor = event.cursor;
      });
      states.push({ topic: definition.name, field: definition.field, events, isWhole, cursor });
    }
    return states;
  }

  /**
   * The newest events of one topic, newest first.
   *
   * @throws NotFoundError when there is no such topic
   */
  async newest(viewer: ViewerId, name: unknown): Promise<readonly ShownEvent[]> {
    const feed = this.feeds.find(name);
    if (!feed) throw new NotFoundError(`topic must be one of ${this.feeds.names.join(', ')}.`);
    const newest: TopicEvent[] = [];
    await this.#read(topicOf(feed.topic, viewer), feed.topic.historySize, (event) => {
      newest.push(event);
      if (newest.length > MAX_SHOWN) newest.shift();
    });
    let length = 0;
    return newest
      .reverse()
      .filter(({ payload }) => (length += JSON.stringify(payload).length) <= MAX_SHOWN_LENGTH)
      .map(({ cursor, payload }) => ({ cursor, payload }));
  }

  /** Goes through the history, oldest first, up to `most` events; false if there are more. */
  async #read(topic: Topic, most: number, each: (event: TopicEvent) => void): Promise<boolean> {
    let after: string | undefined;
    for (let read = 0; read < most; read += EVENTS_AT_A_TIME) {
      const { events } = await this.bus.history(topic, { limit: EVENTS_AT_A_TIME, ...(after && { after }) });
      events.forEach(each);
      if (events.length < EVENTS_AT_A_TIME) return true;
      after = events.at(-1)?.cursor;
    }
    const { events } = await this.bus.history(topic, { limit: 1, ...(after && { after }) });
    return events.length === 0;
  }
}
