import { randomBytes } from 'node:crypto';
import { UnavailableError } from '../../errors/sallyport.errors.js';
import { SILENCE_MS } from '../../redis/open-redis.js';
import type { RedisConnection } from '../../redis/redis.connection.js';
import { formatCursor, type Position } from '../cursor.js';
import { payloadDigest } from '../payload-digest.js';
import { TopicEvent } from '../topic-event.js';
import type { Publication, PublishOutcome } from '../topic.bus.js';
import type { Topic } from '../topic.js';
import { topicKeys, usedKey } from './topic-keys.js';
import type { TopicReading } from './topic-member.js';
import { COMPARE_SCRIPT, PUBLISH_SCRIPT, READ_SCRIPT } from './topic-scripts.js';

/** Publications in one run of the script: Redis does nothing else meanwhile, about 10 ms. */
const PUBLISH_BATCH = 1_000;
/** A batch that reaches Redis later than this is not published: by then its publisher may have been told that it failed. */
const DEADLINE_MS = SILENCE_MS - 250;
/** What the script says of each publication. */
const PUBLISHED = { new: 0, duplicate: 1, keyReused: 2 } as const;
type Published = [(typeof PUBLISHED)[keyof typeof PUBLISHED], position: string];

/** Topics in Redis: positions, histories and idempotency keys. Every change is one script, so nothing is ever half-done. */
export class TopicStore {
  constructor(private readonly redis: RedisConnection) {}

  /** The channel that {@link publish} sends a topic's events to. */
  channel(topic: Topic): string {
    return topicKeys(topic, this.redis.database).channel;
  }

  /** Publishes in batches of 1,000, each of them all or nothing; on a cluster each topic's for themselves. */
  async publish(publications: readonly Publication[]): Promise<readonly PublishOutcome[]> {
    if (this.redis.isCluster) return this.#publishByTopic(publications);
    const outcomes: PublishOutcome[] = [];
    for (let at = 0; at < publications.length; at += PUBLISH_BATCH)
      outcomes.push(...(await this.#publishBatch(publications.slice(at, at + PUBLISH_BATCH))));
    return outcomes;
  }

  /** Reads where a topic is, and the events after a cursor or the last one. */
  async read(topic: Topic, options: { since?: Position | null; wantsLast: boolean }): Promise<TopicReading> {
    const { meta, stream } = topicKeys(topic, this.redis.database);
    const { historySize } = topic.definition;
    const { epoch = options.since === undefined ? '' : '-', offset = 0 } = options.since ?? {};
    const last = options.wantsLast ? 1 : 0;
    const values = [newEpoch(), historySize, historyMs(topic), epoch, offset, last];
    return toReading(await this.redis.runScript(READ_SCRIPT, [meta, stream], values));
  }

  /** Which of these topics are not where the store has them. */
  async differing<T extends { topic: Topic; position: Position }>(places: readonly T[]): Promise<readonly T[]> {
    const keys = places.flatMap(({ topic }) => {
      const { meta, stream } = topicKeys(topic, this.redis.database);
      return [meta, stream];
    });
    const positions = places.flatMap(({ position }) => [position.epoch, position.offset]);
    const results = (await this.redis.runScript(COMPARE_SCRIPT, keys, [newEpoch(), ...positions])) as number[];
    return places.filter((_, index) => results[index] !== 0);
  }

  async #publishByTopic(publications: readonly Publication[]): Promise<readonly PublishOutcome[]> {
    const byTopic = new Map<string, Publication[]>();
    for (const publication of publications) {
      const { name } = publication.topic;
      byTopic.set(name, [...(byTopic.get(name) ?? []), publication]);
    }
    const outcomes = new Map<Publication, PublishOutcome>();
    const publishOne = async (ofTopic: readonly Publication[]): Promise<void> => {
      const results = await this.#publishBatch(ofTopic);
      ofTopic.forEach((publication, index) => outcomes.set(publication, results[index] as PublishOutcome));
    };
    await Promise.all([...byTopic.values()].map(publishOne));
    return publications.map((publication) => outcomes.get(publication) as PublishOutcome);
  }

  async #publishBatch(batch: readonly Publication[]): Promise<readonly PublishOutcome[]> {
    const startedMs = performance.now();
    const keys: string[] = [];
    const values: (string | number)[] = [];
    for (const { topic, payload, key, submitted } of batch) {
      const { meta, stream, channel } = topicKeys(topic, this.redis.database);
      keys.push(meta, stream, channel, key === undefined ? meta : usedKey(topic, key));
      const digest = key === undefined ? '' : payloadDigest(submitted ?? payload);
      values.push(JSON.stringify(payload) ?? 'null', digest, topic.definition.historySize);
      values.push(historyMs(topic));
    }
    const verb = this.redis.link.shardedPubSub ? 'SPUBLISH' : 'PUBLISH';
    const send = (): Promise<unknown> =>
      this.redis.runScript(PUBLISH_SCRIPT, keys, [
        Math.round(this.redis.nowMs + DEADLINE_MS),
        newEpoch(),
        verb,
        ...values,
      ]);
    let results = await send();
    if (results === 'late' && performance.now() - startedMs < DEADLINE_MS) {
      // In time by our clock: Redis's was set. Nothing was published, so it may be sent again.
      await this.redis.readClock();
      results = await send();
    }
    if (results === 'late') throw new UnavailableError();
    return (results as Published[]).map(toOutcome);
  }
}

/** Random, 12 characters: the start of a cursor. Scripts that make several append a number. */
function newEpoch(): string {
  return randomBytes(9).toString('base64url');
}

/** Whole milliseconds: Redis takes no fractions. */
function historyMs(topic: Topic): number {
  return Math.round(topic.definition.historySeconds * 1000);
}

function toOutcome([published, position]: Published): PublishOutcome {
  if (published === PUBLISHED.keyReused) return { ok: false, reason: 'key-reused' };
  const [epoch = '', offset = ''] = position.split(' ');
  const cursor = formatCursor({ epoch, offset: Number(offset) });
  return { ok: true, cursor, duplicate: published === PUBLISHED.duplicate };
}

function toReading(answer: unknown): TopicReading {
  const [epoch, offset, recovered, payloads] = answer as [string, number, number, string[]];
  const first = offset - payloads.length + 1;
  return {
    position: { epoch, offset },
    recovered: recovered === -1 ? undefined : recovered === 1,
    events: payloads.map((payload, index) => new TopicEvent(epoch, first + index, JSON.parse(payload))),
  };
}
