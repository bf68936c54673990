import { Injectable } from '@nestjs/common';
import { type ObjectClass, rulesOf } from './compiled-rules.js';
import type { Feed } from './feed.js';
import { checkRules } from './payload-check.js';
import type { TopicDefinition } from '../topics/topic.js';

/** Every feed of this server by its topic's name. `FeedModule.of` adds them; publishing looks them up. */
@Injectable()
export class FeedRegistry {
  readonly #feeds = new Map<string, Feed>();
  /** The fields of feeds without a resolver of their own. */
  readonly #fields = new Set<string>();

  /**
   * @param hasResolver whether the application serves the field, perhaps together with other feeds. Default false
   * @throws Error when two feeds have the same topic name, because their events would mix, or the same field, because the
   * schema has room for one, or when the type has no rules, or nested ones that name no class
   */
  register(feed: Feed, hasResolver = false): void {
    const { name, field } = feed.topic;
    if (this.#feeds.get(name) === feed)
      throw new Error(`Feed "${name}" is added twice: import FeedModule.of once, in one module.`);
    if (this.#feeds.has(name)) throw new Error(`Two feeds claim the topic "${name}": give one of them another name.`);
    if (hasResolver ? this.#fields.has(field) : this.definitions.some((other) => other.field === field))
      throw new Error(`Two feeds claim the field "${field}": give one of them another field.`);
    const type = classOf(feed);
    if (type) checkClass(feed, type);
    this.#feeds.set(name, feed);
    if (!hasResolver) this.#fields.add(field);
  }

  /** The feed of a topic name from outside; undefined if there is none. */
  find(name: unknown): Feed | undefined {
    return typeof name === 'string' ? this.#feeds.get(name) : undefined;
  }

  /** The classes of the feeds that no resolver of the application serves, which may return something else. */
  get classes(): ReadonlyMap<string, ObjectClass> {
    const all = [...this.#feeds.values()].filter(({ topic }) => this.#fields.has(topic.field));
    const classes = all.map((feed) => [feed.topic.name, classOf(feed)] as const);
    return new Map(classes.filter((entry): entry is [string, ObjectClass] => entry[1] !== null));
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

/** The class of a feed's payloads; null if they are no objects, or of a scalar. */
function classOf({ type }: Feed): ObjectClass | null {
  return typeof type === 'function' && type !== String && type !== Boolean ? (type as ObjectClass) : null;
}

/** @throws Error that names the class, or the feed whose default it has no field for */
function checkClass({ topic, defaulted }: Feed, type: ObjectClass): void {
  checkRules(type);
  const { fields } = rulesOf(type);
  const unknown = defaulted.find((field) => !fields.has(field));
  if (unknown !== undefined)
    throw new Error(
      `Feed "${topic.name}": defaults has ${unknown}, but ${type.name} has no such field with a rule: add it, with a decorator of class-validator.`,
    );
}
