import { createHash } from 'node:crypto';
import type { Topic } from '../topic.js';

/** Where one topic lives in Redis. The braces are a hash tag: on a cluster all of a topic is in one slot. */
export interface TopicKeys {
  /** A hash: epoch and newest offset. */
  readonly meta: string;
  /** The history: a stream whose entry ids are offsets. */
  readonly stream: string;
  /** The pub/sub channel. Keys have a database, channels do not, so its number is part of the name. */
  readonly channel: string;
}

/** The keys of a topic in the Redis database of that number. */
export function topicKeys(topic: Topic, database: number): TopicKeys {
  const tag = `sallyport:{${topic.name}}`;
  return { meta: `${tag}:meta`, stream: `${tag}:stream`, channel: `${tag}:${database}` };
}

/** Where an idempotency key of a topic is remembered. Hashed, so that its length and characters do not matter. */
export function usedKey(topic: Topic, key: string): string {
  return `sallyport:{${topic.name}}:key:${createHash('sha256').update(key).digest('base64url')}`;
}
