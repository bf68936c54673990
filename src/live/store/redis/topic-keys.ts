import { hash } from 'node:crypto';
import type { Topic } from '../../topics/topic.js';

/** The keys of one topic in Redis. */
export interface TopicKeys {
  /** A hash: epoch and newest offset. */
  readonly meta: string;
  /** The history: a stream whose entry ids are offsets. */
  readonly stream: string;
}

/** The prefix of all keys of a topic. The braces are a hash tag: on a cluster the keys share a slot. */
export function topicTag(topic: Topic): string {
  return `sallyport:{${topic.name}}`;
}

/** The keys of a topic. */
export function topicKeys(topic: Topic): TopicKeys {
  const tag = topicTag(topic);
  return { meta: `${tag}:meta`, stream: `${tag}:stream` };
}

/**
 * The suffix of a channel's name. Keys belong to a database but channels do not, so the database's number is part of
 * the name.
 */
export function channelSuffix(database: number): string {
  return `:${database}`;
}

/**
 * The Redis name of an idempotency key: hashed to 43 characters, so that its own length and characters do not matter.
 * The publisher's id is hashed with it, separated by a line break, which ids cannot contain.
 */
export function keyHash(key: string, publisher?: string): string {
  const text = publisher === undefined ? key : `${publisher}\n${key}`;
  return hash('sha256', text, 'base64url');
}
