import { Injectable } from '@nestjs/common';
import type { TopicDefinition } from '../topics/topic.js';

/** What a feed's check says of a payload: the value to publish, completed where the feed fills something in, or why not. */
export type PayloadVerdict =
  | { readonly ok: true; readonly value: unknown }
  /** `message` names the field and what it must be; it never repeats the value. */
  | { readonly ok: false; readonly message: string };

/** A feed that others may publish into. */
export interface PublishableFeed {
  readonly topic: TopicDefinition;
  /** Checks a JSON value from outside against the feed's GraphQL type. Must not throw. */
  check(payload: unknown): PayloadVerdict;
}

/** Every feed of this server by its topic's name. Feeds enter themselves when their module starts; publishing looks them up. */
@Injectable()
export class FeedRegistry {
  readonly #feeds = new Map<string, PublishableFeed>();

  /** @throws Error when two feeds claim one topic name: their events would mix */
  register(feed: PublishableFeed): void {
    const { name } = feed.topic;
    if (this.#feeds.has(name)) throw new Error(`Two feeds claim the topic "${name}": give one of them another name.`);
    this.#feeds.set(name, feed);
  }

  /** The feed of a topic name as it came from outside; undefined when there is none. */
  find(name: unknown): PublishableFeed | undefined {
    return typeof name === 'string' ? this.#feeds.get(name) : undefined;
  }

  /** What every feed's topics are like. */
  get definitions(): readonly TopicDefinition[] {
    return [...this.#feeds.values()].map((feed) => feed.topic);
  }

  /** The names that can be published into, sorted. */
  get names(): readonly string[] {
    return [...this.#feeds.keys()].sort();
  }
}
