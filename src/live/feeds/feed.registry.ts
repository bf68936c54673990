import { Injectable } from '@nestjs/common';
import type { Feed } from './feed.js';
import type { TopicDefinition } from '../topics/topic.js';

/** Every feed of this server by its topic's name. `FeedModule.of` adds them; publishing looks them up. */
@Injectable()
export class FeedRegistry {
  readonly #feeds = new Map<string, Feed>();

  /** @throws Error when two feeds have the same topic name, because their events would mix */
  register(feed: Feed): void {
    const { name } = feed.topic;
    if (this.#feeds.has(name)) throw new Error(`Two feeds claim the topic "${name}": give one of them another name.`);
    this.#feeds.set(name, feed);
  }

  /** The feed of a topic name from outside; undefined if there is none. */
  find(name: unknown): Feed | undefined {
    return typeof name === 'string' ? this.#feeds.get(name) : undefined;
  }

  /** The topic definitions of all feeds. */
  get definitions(): readonly TopicDefinition[] {
    return [...this.#feeds.values()].map((feed) => feed.topic);
  }

  /** The topic names that can be published to, sorted. */
  get names(): readonly string[] {
    return [...this.#feeds.keys()].sort();
  }
}
