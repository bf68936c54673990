import { hash } from 'node:crypto';
import type { Topic } from '../../topics/topic.js';

/** Where one topic lives in Redis. */
export interface TopicKeys {
  /** A hash: epoch and newest offset. */
  readonly meta: string;
  /** The history: a stream whose entry ids are offsets. */
  readonly stream: string;
}

/** What the names of all of a topic's keys begin with. The braces are a hash tag: on a cluster they share a slot. */
export function topicTag(topic: Topic): string {
  return `sallyport:{${topic.name}}`;
}

/** The keys of a topic. */
export function topicKeys(topic: Topic): TopicKeys {
  const tag = topicTag(topic);
  return { meta: `${tag}:meta`, stream: `${tag}:stream` };
}

/** What follows the tag in a channel's name. Keys belong to a database, channels do not, so its number is part of them. */
export function channelSuffix(database: number): string {
  return `:${database}`;
}

/**
 * How an idempotency key is named: hashed to 43 characters, so that its own length and characters do not matter. What is put in
 * front of it cannot be written by another publisher: ids have no line break.
 */
export function keyHash(key: string, publisher?: string): string {
  const text = publisher === undefined ? key : `${publisher}\n${key}`;
  return hash('sha256', text, 'base64url');
}
